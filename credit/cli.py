"""`quancheng credit`: train, evaluate, score and monitor from the command line."""

import functools
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from core.clock import SystemClock, civil_date
from core.settings import Settings
from credit.scoring.artefact import Artefact, load
from credit.scoring.errors import ArtefactError, CreditError, InputError
from credit.scoring.keys import (
    MODEL_KEY_FILE,
    make_sandbox_key,
    read_private_key,
    read_trusted_key,
)

app = typer.Typer(name="credit", help="Credit models: train, evaluate, score, monitor.")

P = ParamSpec("P")
R = TypeVar("R")

KeyOption = Annotated[
    Path | None, typer.Option(help="Ed25519 PEM; default: DATA_DIR/keys/model_signing.pem")
]
ModelOption = Annotated[Path, typer.Option(help="Folder of a trained model.")]
DataOption = Annotated[Path, typer.Option(help="CSV (also .gz, .xz) or Parquet.")]


def _refusing(command: Callable[P, R]) -> Callable[P, R]:
    """Print expected refusals as one message and end with status 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except CreditError as error:
            Console(stderr=True, highlight=False).print(f"error: {error}", markup=False)
            raise typer.Exit(1) from error

    return run


def _today() -> date:
    return civil_date(SystemClock().now())


def _key_path(key: Path | None, settings: Settings) -> Path:
    return key or settings.keys_path / MODEL_KEY_FILE


def _signing_key(key: Path | None) -> Ed25519PrivateKey:
    """The key given, or this installation's; development makes one on first use."""
    settings = Settings()
    path = _key_path(key, settings)
    if key is None and not path.exists():
        if settings.is_production:
            raise ArtefactError(f"no signing key at {path}; production makes none")
        return make_sandbox_key(path)
    return read_private_key(path)


def _load(model: Path, key: Path | None) -> Artefact:
    return load(model, [read_trusted_key(_key_path(key, Settings()))])


@app.command()
@_refusing
def train(
    spec: Annotated[str, typer.Option(help="Name of the data set's specification.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder to write the signed model to.")],
    through: Annotated[int | None, typer.Option(help="Last year of the training window.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    also: Annotated[
        list[str] | None, typer.Option(help="A further column to use as it is.")
    ] = None,
    accept_suspect: Annotated[
        list[str] | None, typer.Option(help="An input that may predict this well, by name.")
    ] = None,
    base_rate: Annotated[
        float | None, typer.Option(help="Calibrate to this base rate instead of the trend's.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Declined applications, for reject inference.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=64, help="Threads of xgboost; 1 repeats to the bit.")
    ] = 1,
    key: KeyOption = None,
) -> None:
    """Fit champion and challenger, backtest and calibrate them, and write them signed."""
    from credit.training.run import TrainingRun, train_file

    run = TrainingRun(
        spec=spec,
        data=data,
        out=out,
        through=through,
        seed=seed,
        also=tuple(also or ()),
        accepted=frozenset(accept_suspect or ()),
        base_rate=base_rate,
        rejects=rejects,
        threads=threads,
        today=_today(),
    )
    if base_rate is not None and not 0 < base_rate < 1:
        raise InputError(f"--base-rate must lie between 0 and 1, not {base_rate}")
    train_file(run, _signing_key(key), Console())


@app.command()
@_refusing
def evaluate(
    model: ModelOption,
    data: DataOption,
    report: Annotated[Path, typer.Option(help="HTML page to write.")],
    json: Annotated[Path, typer.Option("--json", help="JSON file to write.")],
    all_rows: Annotated[
        bool, typer.Option(help="Also rows of the training window: no honest figure.")
    ] = False,
    training_data: Annotated[
        Path | None,
        typer.Option(help="The training file, if --data lacks it: peers are fitted on its window."),
    ] = None,
    key: KeyOption = None,
) -> None:
    """Validate a model on loans after its training window."""
    from credit.training.run import EvaluationRun, evaluate_file

    run = EvaluationRun(data, report, json, training_data, all_rows, _today())
    evaluate_file(_load(model, key), run, Console())


@app.command()
@_refusing
def score(
    model: ModelOption,
    data: DataOption,
    out: Annotated[Path, typer.Option(help="CSV to write: id, pd, score, decision, reasons.")],
    language: Annotated[str, typer.Option(help="zh or en; default: the model's own.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to score on.")
    ] = None,
    key: KeyOption = None,
) -> None:
    """Score a file of applications of any size."""
    from credit.scoring.batch import score_file

    artefact = _load(model, key)
    if language not in ("", "zh", "en"):
        raise InputError(f"--language must be zh or en, not {language!r}")
    console = Console()
    spread = None
    if scheduler:
        from credit.scoring.cluster import on_cluster

        spread = on_cluster(artefact, scheduler, _today(), language or artefact.language)
    with console.status("scoring") as status:
        rows = score_file(
            artefact,
            data,
            out,
            on=_today(),
            language=language or artefact.language,
            spread=spread,
            done=lambda n: status.update(f"scoring: {n:,} rows"),
        )
    label = " (simulated data)" if artefact.simulated else ""
    console.print(f"{rows:,} rows scored by model {artefact.hash[:12]}{label} → {out}")


@app.command()
@_refusing
def monitor(
    model: ModelOption,
    data: DataOption,
    json: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
    recalibrate: Annotated[
        Path | None, typer.Option(help="Write the model with a refitted intercept here.")
    ] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Registry file in which to enter the new version.")
    ] = None,
    ahead: Annotated[
        float | None,
        typer.Option(help="Years to carry the base rate's trend on; default: the spec's."),
    ] = None,
    actor: Annotated[str, typer.Option(help="Who recalibrates, for the registry.")] = "",
    key: KeyOption = None,
) -> None:
    """Compare a file's loans with the model's training window; exit status 2 on a red alarm."""
    from credit.training.run import MonitorRun, monitor_file

    artefact = _load(model, key)
    run = MonitorRun(data, json, recalibrate, registry, ahead, actor, _today(), SystemClock().now())
    red = monitor_file(artefact, run, lambda: _signing_key(key), Console())
    if red:
        raise typer.Exit(2)


@app.command()
@_refusing
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write jinan_loans.csv and _firms.csv to.")],
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
) -> None:
    """Write the simulated city's loan history and registered firms (spec `jinan`)."""
    from credit.training.run import simulate_files

    simulate_files(out, seed, Console())


if __name__ == "__main__":
    app()
