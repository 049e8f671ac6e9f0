"""`quancheng credit`: train, evaluate, score, monitor, decide, replay and verify."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from core.settings import read_settings
from credit.commands import decisions, registry
from credit.commands.console import (
    AlsoOption,
    AsOfOption,
    DataOption,
    EncodingOption,
    KeyOption,
    ModelOption,
    PolicyOption,
    RejectOddsOption,
    RejectsOption,
    SeparatorOption,
    SuspectOption,
    day_of,
    load_model,
    now,
    refusing,
    sealing_key,
    signing_key,
    today,
)
from credit.commands.establish import POLICIES, Plan
from credit.commands.establish import establish as put_in_force
from credit.engine.assess import Desk
from credit.policy.choice import policy_for
from credit.storage.errors import InputError, RegistryError
from credit.storage.files import TableForm, form_of, merged

app = typer.Typer(name="credit", help="Credit models: train, evaluate, score, monitor.")
app.add_typer(registry.app)
app.command("decide")(decisions.decide)
app.command("replay")(decisions.replay_log)
app.command("verify")(decisions.verify_log)


@app.command()
@refusing
def train(
    spec: Annotated[str, typer.Option(help="Name of a specification, or its FILE.toml.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder to write the signed model to.")],
    through: Annotated[int | None, typer.Option(help="Last year of the training window.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every random draw.")] = 0,
    also: AlsoOption = None,
    accept_suspect: SuspectOption = None,
    base_rate: Annotated[
        float | None, typer.Option(help="Calibrate to this base rate instead of the trend's.")
    ] = None,
    rejects: RejectsOption = None,
    reject_odds: RejectOddsOption = None,
    as_of: AsOfOption = None,
    encoding: EncodingOption = "",
    separator: SeparatorOption = "",
    threads: Annotated[
        int, typer.Option(min=1, max=64, help="Threads of xgboost; 1 repeats to the bit.")
    ] = 1,
    key: KeyOption = None,
) -> None:
    """Fit champion and challenger, backtest and calibrate them, and write them signed."""
    from credit.training.runs.train import TrainingRun, train_file

    if base_rate is not None and not 0 < base_rate < 1:
        raise InputError(f"--base-rate must lie between 0 and 1, not {base_rate}")
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
        today=today(),
        as_of=day_of(as_of),
        reject_odds=reject_odds,
        form=TableForm(encoding, separator),
    )
    train_file(run, signing_key(key), Console())


@app.command()
@refusing
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
    policy: PolicyOption = None,
    as_of: AsOfOption = None,
    encoding: EncodingOption = "",
    separator: SeparatorOption = "",
    key: KeyOption = None,
) -> None:
    """Validate a model on loans after its training window."""
    from credit.training.runs.evaluate import EvaluationRun, evaluate_file

    run = EvaluationRun(
        data,
        report,
        json,
        training_data,
        all_rows,
        today(),
        policy,
        day_of(as_of),
        TableForm(encoding, separator),
    )
    evaluate_file(load_model(model, key), run, sealing_key(key), Console())


@app.command()
@refusing
def score(
    model: ModelOption,
    data: DataOption,
    out: Annotated[Path, typer.Option(help="CSV to write: id, pd, score, decision, reasons.")],
    language: Annotated[str, typer.Option(help="zh or en; default: the model's own.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to score on.")
    ] = None,
    policy: PolicyOption = None,
    reasons: Annotated[
        bool, typer.Option("--reasons/--no-reasons", help="Say why; without, it is faster.")
    ] = True,
    encoding: EncodingOption = "",
    separator: SeparatorOption = "",
    key: KeyOption = None,
) -> None:
    """Score a file of applications of any size."""
    from credit.engine.batch import Job, score_file

    artefact = load_model(model, key)
    desk = Desk(artefact, policy_for(artefact.spec, policy, today()))
    if language not in ("", "zh", "en"):
        raise InputError(f"--language must be zh or en, not {language!r}")
    console = Console()
    job = Job(today(), language or artefact.language, reasons)
    spread = None
    if scheduler:
        from credit.engine.cluster import on_cluster

        spread = on_cluster(desk, scheduler, job)
    form = form_of(data, merged(artefact.file_form, TableForm(encoding, separator)))
    if form.said():
        console.print(f"{data.name}: {form.said()}", highlight=False)
    with console.status("scoring") as status:
        rows = score_file(
            desk,
            data,
            out,
            job,
            form=form,
            spread=spread,
            done=lambda n: status.update(f"scoring: {n:,} rows"),
        )
    label = " (simulated data)" if artefact.simulated else ""
    console.print(
        f"{rows:,} rows scored by model {artefact.hash[:12]}{label} under policy "
        f"{desk.policy.id} → {out}",
        soft_wrap=True,
    )


@app.command()
@refusing
def monitor(
    model: ModelOption,
    data: DataOption,
    json: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
    recalibrate: Annotated[
        Path | None, typer.Option(help="Write the model with a refitted intercept here.")
    ] = None,
    register: Annotated[
        Path | None, typer.Option(help="Key of the author who enters the new version as a draft.")
    ] = None,
    ahead: Annotated[
        float | None,
        typer.Option(help="Most years to carry the base rate's trend on; default: the model's."),
    ] = None,
    as_of: AsOfOption = None,
    encoding: EncodingOption = "",
    separator: SeparatorOption = "",
    key: KeyOption = None,
) -> None:
    """Compare a file's loans with the model's training window; exit status 2 on a red alarm."""
    from credit.training.runs.monitor import MonitorRun, monitor_file

    artefact = load_model(model, key)
    run = MonitorRun(
        data, json, recalibrate, ahead, today(), day_of(as_of), TableForm(encoding, separator)
    )
    red = monitor_file(artefact, run, lambda: signing_key(key), Console())
    if recalibrate and register:
        registry.enter(recalibrate, register, key, None)
    if red:
        raise typer.Exit(2)


@app.command()
@refusing
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write jinan_loans.csv and _firms.csv to.")],
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
) -> None:
    """Write the simulated city's loan history and registered firms (spec `jinan`)."""
    from credit.training.runs.simulate import simulate_files

    simulate_files(out, seed, Console())


@app.command()
@refusing
def establish() -> None:
    """Put a champion of simulated loans in force where there is no credit folder, in development.

    The first `make run` does the same.
    """
    settings = read_settings()
    if settings.is_production:
        raise RegistryError("production is not seeded: register, validate and approve a model")
    policies = sorted((settings.city_file.with_suffix("") / POLICIES).glob("*.toml"))
    folder = settings.data_dir / "credit"
    console = Console()
    if not put_in_force(Plan(folder, signing_key(None), policies, now()), console):
        console.print(f"{folder} is there already: nothing done", soft_wrap=True)


if __name__ == "__main__":
    app()
