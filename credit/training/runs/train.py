"""`quancheng credit train`: a file to a signed champion and challenger."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from credit.engine.artefact import save
from credit.storage.errors import InputError
from credit.storage.files import TableForm, written_whole
from credit.training.card import model_card
from credit.training.data import Dataset, build, build_unlabelled
from credit.training.live import watching
from credit.training.provenance import Order
from credit.training.reject import ODDS_FACTOR, with_rejects
from credit.training.runs.sources import CARD_FILE, file_sha256, read_raw
from credit.training.specs import spec_named
from credit.training.specs.spec import Spec
from credit.training.train import train

CHALLENGER = "challenger"


@dataclass(frozen=True)
class TrainingRun:
    """The options of `train`."""

    spec: str
    data: Path
    out: Path
    through: int | None
    seed: int
    also: tuple[str, ...]
    accepted: frozenset[str]
    base_rate: float | None
    rejects: Path | None
    threads: int
    today: date
    as_of: date | None = None
    form: TableForm | None = None
    reject_odds: float | None = None


def train_file(run: TrainingRun, key: Ed25519PrivateKey, console: Console) -> str:
    """Train on a file; returns the champion's hash. Nothing is written unless all succeeds."""
    spec = spec_named(run.spec).with_columns(run.also)
    data = build(read_raw(run.data, spec, console, run.form), spec, today=run.today)
    window, unripe = _window(spec, data, run)
    order = Order(
        through=run.through,
        seed=run.seed,
        data_sha256=file_sha256(run.data),
        data_name=run.data.name,
        base_rate=run.base_rate,
        accepted_suspects=run.accepted,
        also=run.also,
        # where every outcome is complete the day makes no difference, and is not recorded
        as_of=(run.as_of or run.today).isoformat() if unripe else None,
        rejects_name=run.rejects.name if run.rejects else None,
        rejects_sha256=file_sha256(run.rejects) if run.rejects else None,
        reject_odds=_odds(run) if run.rejects else None,
        threads=run.threads,
        spec_name=run.spec if Path(run.spec).suffix == ".toml" else None,
        spec_sha256=file_sha256(Path(run.spec)) if Path(run.spec).is_file() else None,
        encoding=run.form.encoding if run.form else "",
        separator=run.form.separator if run.form else "",
    )
    later = len(data) - unripe - len(window)
    if run.rejects is not None:
        declined = build_unlabelled(
            read_raw(run.rejects, spec, console, run.form), spec, today=run.today
        )
        window = with_rejects(spec, window, declined, run.seed, _odds(run))
    with watching(console, f"training {spec.name}") as watch:
        contents = train(spec, window, order, threads=run.threads, watch=watch)
    for role, folder in (("challenger", run.out / CHALLENGER), ("champion", run.out)):
        digest = save(contents[role], folder, key)
        with written_whole(folder / CARD_FILE) as file:
            file.write(model_card(contents[role], digest).encode())
    _say_trained(console, contents, digest, later, unripe, run)
    return digest


def _odds(run: TrainingRun) -> float:
    return ODDS_FACTOR if run.reject_odds is None else run.reject_odds


def _window(spec: Spec, data: Dataset, run: TrainingRun) -> tuple[Dataset, int]:
    """(the rows to train on, how many were too young for it). Raises InputError for none."""
    within = data.year <= (data.year.max() if run.through is None else run.through)
    if not within.any():
        raise InputError(f"no row up to {run.through}")
    on = run.as_of or run.today
    ripe = data.mature(spec.horizon_months, float(on.toordinal()))
    window = data.where(within & ripe)
    if not len(window):
        raise InputError(
            f"no loan is {spec.horizon_months} months old on {on}: no outcome is known"
        )
    if window.bad.min() == window.bad.max():
        raise InputError(f"column {spec.label}: one outcome only up to {run.through}")
    return window, int((within & ~ripe).sum())


def _say_trained(
    console: Console,
    contents: dict[str, Any],
    digest: str,
    later: int,
    unripe: int,
    run: TrainingRun,
) -> None:
    champion = contents["champion"]
    table = Table(
        "for", "trained", "told", "rows", "AUC (95 %)", "KS", title="Backtest: unseen rows"
    )
    for row in champion["metrics"]["backtest"]:
        a, years = row["auc"], row["years"]
        table.add_row(
            row["role"],
            f"to {row['through']}" if years else "at random",
            f"{years[0]}–{years[1]}" if years else "a fifth",
            f"{row['rows']:,}",
            f"{a['value']:.4f} ({a['low']:.3f}–{a['high']:.3f})",
            f"{row['ks']['value']:.3f}",
        )
    console.print(table)
    optimism = champion["metrics"]["optimism"]
    if optimism is not None:
        console.print(f"selection lies {optimism:+.4f} AUC above the confirmation", highlight=False)
    if champion["simulated"]:
        console.print("SIMULATED DATA · 模拟数据")
    training = champion["training"]
    console.print(
        f"champion: {champion['kind']}, {training['rows']:,} rows"
        f" through {training['through']}; {later:,} later rows left out",
        highlight=False,
    )
    if unripe:
        console.print(
            f"{unripe:,} rows younger than {champion['horizon_months']} months on "
            f"{training['as_of']} left out: their outcome is not complete",
            highlight=False,
        )
    console.print(f"sha256 {digest} → {run.out}", soft_wrap=True)
