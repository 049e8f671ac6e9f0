"""The commands' work: files in, files out, and what is said on the terminal."""

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from credit.engine.artefact import Artefact, save
from credit.engine.features import Floats
from credit.errors import InputError
from credit.files import Batch, read_whole, written_whole
from credit.policy.choice import policy_for
from credit.training.card import model_card
from credit.training.data import Dataset, build, build_unlabelled, joined
from credit.training.evaluate import evaluate
from credit.training.live import watching
from credit.training.monitor import monitor, recalibrated
from credit.training.reject import with_rejects
from credit.training.report import render
from credit.training.simulate import loan_history, registered_firms
from credit.training.specs import spec_named
from credit.training.specs.spec import Spec
from credit.training.train import Order, train

CARD_FILE = "model_card.md"
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


@dataclass(frozen=True)
class EvaluationRun:
    """The options of `evaluate`."""

    data: Path
    report: Path
    json: Path
    training_data: Path | None
    every_row: bool
    today: date
    policy: Path | None = None


@dataclass(frozen=True)
class MonitorRun:
    """The options of `monitor`."""

    data: Path
    json: Path | None
    recalibrate: Path | None
    registry: Path | None
    ahead: float | None
    actor: str
    today: date
    now: datetime


def train_file(run: TrainingRun, key: Ed25519PrivateKey, console: Console) -> str:
    """Train on a file; returns the champion's hash. Nothing is written unless all succeeds."""
    spec = spec_named(run.spec).with_columns(run.also)
    raw = _read(run.data, spec)
    data = build(raw, spec, today=run.today)
    window = data if run.through is None else data.where(data.year <= run.through)
    if not len(window):
        raise InputError(f"no row up to {run.through}")
    if window.bad.min() == window.bad.max():
        raise InputError(f"column {spec.label}: one outcome only up to {run.through}")
    order = Order(
        through=run.through,
        seed=run.seed,
        data_sha256=_fingerprint(run.data),
        data_name=run.data.name,
        base_rate=run.base_rate,
        accepted_suspects=run.accepted,
        rejects_sha256=_fingerprint(run.rejects) if run.rejects else None,
    )
    kept = len(window)
    if run.rejects is not None:
        declined = build_unlabelled(_read(run.rejects, spec), spec, today=run.today)
        window = with_rejects(spec, window, declined, run.seed)
    with watching(console, f"training {spec.name}") as watch:
        contents = train(spec, window, order, threads=run.threads, watch=watch)
    for role, folder in (("challenger", run.out / CHALLENGER), ("champion", run.out)):
        digest = save(contents[role], folder, key)
        with written_whole(folder / CARD_FILE) as file:
            file.write(model_card(contents[role], digest).encode())
    _say_trained(console, contents, digest, len(data) - kept, run.out)
    return digest


def _say_trained(
    console: Console, contents: dict[str, Any], digest: str, left_out: int, out: Path
) -> None:
    table = Table("year", "rows", "AUC (95 %)", "KS", title="Backtest: each year unseen by its fit")
    for row in contents["champion"]["metrics"]["backtest"]:
        a = row["auc"]
        table.add_row(
            str(row["year"]),
            f"{row['rows']:,}",
            f"{a['value']:.4f} ({a['low']:.3f}–{a['high']:.3f})",
            f"{row['ks']['value']:.3f}",
        )
    console.print(table)
    if contents["champion"]["simulated"]:
        console.print("SIMULATED DATA · 模拟数据")
    training = contents["champion"]["training"]
    console.print(
        f"champion: {contents['champion']['kind']}, {training['rows']:,} rows"
        f" through {training['through']}; {left_out:,} later rows left out"
    )
    console.print(f"sha256 {digest} → {out}", soft_wrap=True)


def evaluate_file(artefact: Artefact, run: EvaluationRun, console: Console) -> dict[str, Any]:
    """Evaluate on a file and write both reports."""
    spec = spec_named(artefact.spec)
    raw = _read(run.data, spec)
    loans = build(raw, spec, today=run.today)
    after = _after(spec, raw)
    if run.training_data:
        loans, after = _with_window(artefact, spec, run, loans, after)
    try:
        policy = policy_for(artefact.spec, run.policy, run.today)
        result = evaluate(
            artefact, spec, loans, policy, every_row=run.every_row, after_columns=after
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    result["data"] = {"name": run.data.name, "sha256": _fingerprint(run.data)}
    page = render(result).encode()
    with written_whole(run.report) as file:
        file.write(page)
    with written_whole(run.json) as file:
        file.write(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    _say_evaluated(console, result)
    return result


def _with_window(
    artefact: Artefact,
    spec: Spec,
    run: EvaluationRun,
    loans: Dataset,
    after: dict[str, Floats],
) -> tuple[Dataset, dict[str, Floats]]:
    """The loans to evaluate with the training window of another file before them."""
    assert run.training_data is not None
    raw = _read(run.training_data, spec)
    earlier = build(raw, spec, today=run.today)
    window = earlier.year <= (artefact.through or 0)
    before = _after(spec, raw)
    both = {
        name: np.concatenate([before[name][window], values])
        for name, values in after.items()
        if name in before
    }
    return joined(earlier.where(window), loans), both


def _after(spec: Spec, raw: Batch) -> dict[str, Floats]:
    """Contaminated numbers in the file, read leniently: they are shown, never used."""
    out = {}
    for column in spec.after_columns():
        if column.name in raw:
            values = np.array([_lenient(v) for v in raw[column.name]], dtype=np.float64)
            if not np.isnan(values).all():
                out[column.name] = values
    return out


def _lenient(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _say_evaluated(console: Console, result: dict[str, Any]) -> None:
    window = " – ".join(str(day) for day in result["window"])
    console.print(
        f"{result['rows']:,} rows after the training window ({window}); "
        f"{result['rows_left_out']:,} others left out",
        highlight=False,
    )
    table = Table("model", "AUC (95 %)", "KS", "Brier")
    rows = {"this model": result["figures"], **result["peers"]}
    for name, figures in rows.items():
        cells = [_interval(figures[key]) for key in ("auc", "ks", "brier")]
        table.add_row(name, *cells)
    console.print(table)
    base = result["figures"]["brier_base_rate"]
    again = result["recalibrated"]
    if again:
        console.print(
            f"Brier after recalibrating on the first quarter: {again['brier']:.4f} "
            f"(base rate's own: {base:.4f})",
            highlight=False,
        )
    leaky = result["leaky"]
    if leaky:
        worst = leaky["worst"]
        honest = result["figures"]["auc"]["value"]
        others = ", ".join(f"{k} {v:.3f}" for k, v in leaky["auc"].items() if k != worst)
        console.print(
            f"WARNING: with the outcome-contaminated column {worst} the AUC would read "
            f"{leaky['auc'][worst]:.3f}; honestly it is {honest:.3f} (others: {others})",
            style="bold yellow",
            highlight=False,
            soft_wrap=True,
        )
    blocked = [f for f in result["fairness"] if f["blocks"]]
    if blocked:
        console.print(
            f"{len(blocked)} group(s) below the four-fifths ratio: promotion needs a signed waiver",
            highlight=False,
        )


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.3f}–{figure['high']:.3f})"


def monitor_file(
    artefact: Artefact,
    run: MonitorRun,
    signing_key: Callable[[], Ed25519PrivateKey],
    console: Console,
) -> bool:
    """Monitor a file's loans, recalibrate if asked; True on a red alarm."""
    spec = spec_named(artefact.spec)
    loans = build(_read(run.data, spec), spec, today=run.today)
    result = monitor(artefact, loans)
    if run.json:
        with written_whole(run.json) as file:
            file.write(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    _say_monitored(console, result)
    if run.recalibrate:
        content = recalibrated(artefact, loans, _fingerprint(run.data), ahead=run.ahead)
        digest = save(content, run.recalibrate, signing_key())
        with written_whole(run.recalibrate / CARD_FILE) as file:
            file.write(model_card(content, digest).encode())
        console.print(f"recalibrated: sha256 {digest} → {run.recalibrate}", soft_wrap=True)
        if run.registry:
            _enter(run, content, digest)
    return bool(result["alarm"] == "red")


def _enter(run: MonitorRun, content: dict[str, Any], digest: str) -> None:
    from credit.log.chain import JsonLinesStore
    from credit.registry.registry import Registry

    assert run.registry is not None
    registry = Registry(JsonLinesStore(run.registry))
    registry.register(digest, content["spec"], run.actor, run.now, parent=content["parent"])


def _say_monitored(console: Console, result: dict[str, Any]) -> None:
    table = Table("month", "rows", "PSI", "beyond noise", "mean PD", "bad rate", "alarm")
    for row in result["months"]:
        table.add_row(
            row["month"],
            f"{row['rows']:,}",
            f"{row['psi']:.3f}",
            f"{row['psi_beyond_noise']:.3f}",
            f"{row['mean_prob']:.3f}",
            f"{row['bad_rate']:.3f}",
            row["alarm"],
        )
    console.print(table)
    features = Table("feature", "CSI", "alarm")
    for row in result["features"]:
        features.add_row(row["name"], f"{row['csi']:.3f}", row["alarm"])
    console.print(features)
    console.print(
        f"{result['rows']:,} rows, {result['rows_left_out']:,} of the training window left out · "
        f"score PSI {result['psi']:.3f} · mean PD {result['mean_prob']:.3f} against "
        f"{result['bad_rate']:.3f} observed · alarm: {result['alarm'].upper()}",
        highlight=False,
    )
    for reason in result["alarm_reasons"]:
        console.print(f"  {reason}", highlight=False)


def simulate_files(out: Path, seed: int, console: Console) -> None:
    """Write the simulated loan history and the registered firms, each whole or not at all."""
    for name, records in (
        ("jinan_loans.csv", loan_history(seed)),
        ("jinan_firms.csv", registered_firms(seed)),
    ):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(records)
        writer.writerows(zip(*records.values(), strict=True))
        with written_whole(out / name) as file:
            file.write(text.getvalue().encode())
        rows = len(records["loan_no"])
        console.print(f"{rows:,} rows of SIMULATED data · 模拟数据 → {out / name}", soft_wrap=True)


def _read(path: Path, spec: Spec) -> Batch:
    return read_whole(path, spec.fields())


def _fingerprint(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
