"""`quancheng credit registry`: which model may do what, step by step and with four eyes."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from core.settings import read_settings
from credit.commands.console import KeyOption, ModelOption, load_model, now, refusing
from credit.errors import InputError, RegistryError
from credit.keys import read_private_key, read_trusted_key
from credit.log.chain import JsonLinesStore
from credit.registry.registry import Registry, Standing, State, Waiver

app = typer.Typer(name="registry", help="Model versions: draft to champion, with four eyes.")

FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="Registry file; default: DATA_DIR/credit/registry.jsonl"),
]
ActorOption = Annotated[str, typer.Option(help="Who does it.")]
HashArgument = Annotated[str, typer.Argument(help="The model's hash, or its first 8 letters.")]


@app.command("list")
@refusing
def list_models(file: FileOption = None) -> None:
    """Every model version and where it stands."""
    table = Table("model", "spec", "state", "author", "open findings", "proposed")
    for standing in _registry(file).standings().values():
        findings = "waived" if standing.waived else str(len(standing.blocked) or "")
        proposed = f"{standing.proposal[0]} by {standing.proposal[1]}" if standing.proposal else ""
        table.add_row(
            standing.model[:12],
            standing.spec,
            standing.state,
            standing.author,
            findings,
            proposed,
        )
    Console().print(table)


@app.command()
@refusing
def register(
    model: ModelOption, actor: ActorOption, file: FileOption = None, key: KeyOption = None
) -> None:
    """Enter a trained model as a draft."""
    artefact = load_model(model, key)
    parent = artefact.content.get("parent")
    _registry(file).register(artefact.hash, artefact.spec, actor, now(), parent=parent)
    _say(artefact.hash, State.DRAFT)


@app.command()
@refusing
def validate(
    model: HashArgument,
    report: Annotated[Path, typer.Option(help="The JSON that `credit evaluate` wrote.")],
    actor: ActorOption,
    file: FileOption = None,
) -> None:
    """Record a validation report; its open fairness findings block a promotion."""
    registry = _registry(file)
    standing = _find(registry, model)
    blocked = _findings(report, standing.model)
    registry.validate(standing.model, actor, now(), blocked=blocked)
    _say(standing.model, State.VALIDATED)
    for finding in blocked:
        Console().print(f"open: {finding}", highlight=False, markup=False)


@app.command()
@refusing
def waive(
    model: HashArgument,
    reason: Annotated[str, typer.Option(help="Why the open findings are accepted.")],
    officer_key: Annotated[Path, typer.Option(help="The risk officer's Ed25519 PEM.")],
    trusted: Annotated[
        list[Path], typer.Option(help="Public key of a risk officer; repeat for several.")
    ],
    actor: ActorOption,
    file: FileOption = None,
) -> None:
    """Accept a model's open findings with a risk officer's signature."""
    registry = _registry(file, trusted)
    standing = _find(registry, model)
    key = read_private_key(officer_key)
    registry.waive(Waiver.sign(standing.model, standing.blocked, reason, key), actor, now())
    Console().print(f"{standing.model[:12]}: {len(standing.blocked)} finding(s) waived")


@app.command()
@refusing
def propose(
    model: HashArgument,
    state: Annotated[State, typer.Argument(help="The state it should take.")],
    actor: ActorOption,
    file: FileOption = None,
) -> None:
    """First pair of eyes."""
    registry = _registry(file)
    standing = _find(registry, model)
    registry.propose(standing.model, state, actor, now())
    Console().print(f"{standing.model[:12]}: {state} proposed; somebody else approves it")


@app.command()
@refusing
def approve(model: HashArgument, actor: ActorOption, file: FileOption = None) -> None:
    """Second pair of eyes; a new champion retires the old one."""
    registry = _registry(file)
    standing = _find(registry, model)
    registry.approve(standing.model, actor, now())
    _say(standing.model, registry.standings()[standing.model].state)


def _registry(file: Path | None, officers: list[Path] | None = None) -> Registry:
    path = file or read_settings().data_dir / "credit" / "registry.jsonl"
    return Registry(JsonLinesStore(path), [read_trusted_key(officer) for officer in officers or []])


def _find(registry: Registry, start: str) -> Standing:
    """The one version whose hash starts so. Raises RegistryError for none and for several."""
    found = [s for s in registry.standings().values() if s.model.startswith(start)]
    if len(start) < 8 or len(found) != 1:
        raise RegistryError(f"{start!r} does not name one registered model")
    return found[0]


def _findings(report: Path, model: str) -> list[str]:
    """The open fairness findings of a validation report. Raises InputError for another's."""
    try:
        told = orjson.loads(report.read_bytes())
        if told["model"] != model:
            raise InputError(f"{report} tells of model {told['model'][:12]}, not of {model[:12]}")
        rows = [row for row in told["fairness"] if row["blocks"]]
        return [f"{row['group']}={row['value']} ({row['ratio']:.2f})" for row in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{report} is no validation report: {error}") from error


def _say(model: str, state: State) -> None:
    Console().print(f"{model[:12]}: {state}")
