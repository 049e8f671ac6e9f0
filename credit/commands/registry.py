"""`quancheng credit registry`: which model and policy may do what, by evidence and four people."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from rich.table import Column, Table

from core.processes.tables import print_tables
from core.settings import read_settings
from credit.commands.console import KeyOption, ModelOption, now, refusing, today, trusted_keys
from credit.registry.evidence import Floors, read_evidence
from credit.registry.officers import Actor, Duty, Officer, entry_of, read_officers
from credit.registry.registry import ID_LETTERS, Registry, Standing, State
from credit.registry.store import Home
from credit.storage.errors import RegistryError
from credit.storage.files import written_whole
from credit.storage.keys import read_private_key
from credit.storage.seals import public_hex

app = typer.Typer(name="registry", help="Model and policy versions: evidence, and four people.")

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Credit folder; default: DATA_DIR/credit")
]
AsOption = Annotated[
    Path, typer.Option("--as", help="Your own Ed25519 key; its public half is in officers.toml.")
]
HashArgument = Annotated[str, typer.Argument(help="The model's hash, or its first 8 letters.")]
ProposalArgument = Annotated[str, typer.Argument(help="The proposal's id, or its first 8 letters.")]


def home_of(home: Path | None, key: Path | None = None) -> Home:
    """The credit folder given, or the installation's."""
    return Home(home or read_settings().data_dir / "credit", trusted_keys(key))


@app.command("list")
@refusing
def list_models(home: HomeOption = None) -> None:
    """Every model and policy version and where it stands today."""
    book = home_of(home).registry.book()
    heads = ("spec", "state", "author", "validator", "valid until", "today", "proposed")
    table = Table(Column("model", no_wrap=True), *heads)
    for standing in book.models.values():
        known = standing.proposal
        table.add_row(
            standing.model[:ID_LETTERS],
            standing.spec,
            standing.state,
            standing.author,
            standing.validator or "",
            str(standing.valid_until or ""),
            standing.fault(today()) or "stands",
            f"{known.state} by {known.actor}: {known.id[:ID_LETTERS]}" if known else "",
        )
    policies = Table("policy", "hash", "proposed", "approved")
    for policy in book.policies.values():
        proposed = f"{policy.proposer}: {policy.proposal[:ID_LETTERS]}"
        policies.add_row(policy.id, policy.hash[:ID_LETTERS], proposed, policy.approver or "")
    print_tables(table, policies)


@app.command()
@refusing
def enrol(
    officer: Annotated[str, typer.Option("--id", help="Staff number: the identity.")],
    name: Annotated[str, typer.Option(help="Name.")],
    role: Annotated[list[Duty], typer.Option(help="What the person may do; repeat for several.")],
    key_out: Annotated[Path, typer.Option(help="Where to write the person's new key.")],
    home: HomeOption = None,
) -> None:
    """Make an officer with a key, in development; elsewhere officers.toml is the operator's."""
    if read_settings().is_production:
        raise RegistryError("in production the operator writes officers.toml; no key is made here")
    place = home_of(home)
    people = read_officers(place.officers_file).people
    if officer in people or key_out.exists():
        raise RegistryError(f"officer {officer} or the key file is there already")
    key = Ed25519PrivateKey.generate()
    person = Officer(officer, name, frozenset(role), public_hex(key.public_key()))
    known = place.officers_file.read_text() if people else ""
    with written_whole(key_out) as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with written_whole(place.officers_file) as file:
        file.write((known + entry_of(person)).encode())
    read_officers(place.officers_file)
    _say(f"{officer}: {', '.join(sorted(role))}")


@app.command()
@refusing
def register(model: ModelOption, who: AsOption, home: HomeOption = None,
             key: KeyOption = None) -> None:  # fmt: skip
    """Take a trained model into the store, as a draft."""
    enter(model, who, key, home)


def enter(model: Path, who: Path, key: Path | None, home: Path | None) -> None:
    """Take a model into the store and enter it as a draft."""
    place = home_of(home, key)
    actor = _actor(place, who)
    artefact = place.keep_model(model)
    parent = artefact.content.get("parent")
    place.registry.register(artefact.hash, artefact.spec, actor, now(), parent=parent)
    _say(f"{artefact.hash[:ID_LETTERS]}: {State.DRAFT}")


@app.command()
@refusing
def validate(
    model: HashArgument,
    report: Annotated[Path, typer.Option(help="The JSON that `credit evaluate` wrote and sealed.")],
    who: AsOption,
    home: HomeOption = None,
    key: KeyOption = None,
) -> None:
    """Record a validation report, for a year; its open fairness findings bar a model from use."""
    place = home_of(home, key)
    registry = place.registry
    standing = _find(registry, model)
    evidence = read_evidence(report, standing.model, place.trusted, Floors())
    registry.validate(standing.model, evidence, _actor(place, who), now())
    after = registry.book().model(standing.model)
    _say(f"{standing.model[:ID_LETTERS]}: {after.state}, valid until {after.valid_until}")
    for finding in evidence.findings:
        _say(f"open: {finding}")


@app.command()
@refusing
def waive(
    model: HashArgument,
    finding: Annotated[list[str], typer.Option(help="An open finding, word for word; repeat.")],
    reason: Annotated[str, typer.Option(help="Why the open findings are accepted.")],
    who: AsOption,
    home: HomeOption = None,
) -> None:
    """Accept a model's open findings, each named, as a risk officer."""
    place = home_of(home)
    registry = place.registry
    standing = _find(registry, model)
    registry.waive(standing.model, tuple(finding), reason, _actor(place, who), now())
    _say(f"{standing.model[:ID_LETTERS]}: {len(standing.blocked)} finding(s) waived")


@app.command()
@refusing
def propose(
    model: HashArgument,
    state: Annotated[State, typer.Argument(help="The state it should take.")],
    who: AsOption,
    home: HomeOption = None,
) -> None:
    """First pair of eyes."""
    place = home_of(home)
    registry = place.registry
    standing = _find(registry, model)
    proposal = registry.propose(standing.model, state, _actor(place, who), now())
    _say(f"{standing.model[:ID_LETTERS]}: {state} proposed as {proposal[:ID_LETTERS]}")


@app.command()
@refusing
def approve(
    model: HashArgument, proposal: ProposalArgument, who: AsOption, home: HomeOption = None
) -> None:
    """Second pair of eyes, on exactly one proposal; a new champion retires the old one."""
    place = home_of(home)
    registry = place.registry
    standing = _find(registry, model)
    state = registry.approve(standing.model, proposal, _actor(place, who), now())
    _say(f"{standing.model[:ID_LETTERS]}: {state}")


@app.command("propose-policy")
@refusing
def propose_policy(
    file: Annotated[Path, typer.Argument(help="The policy's TOML file.")],
    who: AsOption,
    home: HomeOption = None,
) -> None:
    """Take a policy into the store and propose it."""
    place = home_of(home)
    actor = _actor(place, who)
    policy = place.keep_policy(file)
    proposal = place.registry.propose_policy(policy.hash, policy.id, actor, now())
    _say(f"{policy.id} ({policy.hash[:ID_LETTERS]}) proposed as {proposal[:ID_LETTERS]}")


@app.command("approve-policy")
@refusing
def approve_policy(proposal: ProposalArgument, who: AsOption, home: HomeOption = None) -> None:
    """Second pair of eyes on a policy."""
    place = home_of(home)
    digest = place.registry.approve_policy(proposal, _actor(place, who), now())
    _say(f"{place.policy(digest).id} ({digest[:ID_LETTERS]}) approved")


def _actor(home: Home, key: Path) -> Actor:
    return read_officers(home.officers_file).actor(read_private_key(key))


def _find(registry: Registry, start: str) -> Standing:
    """The one version whose hash starts so. Raises RegistryError for none and for several."""
    found = [s for s in registry.book().models.values() if s.model.startswith(start)]
    if len(start) < 8 or len(found) != 1:
        raise RegistryError(f"{start!r} does not name one registered model")
    return found[0]


def _say(text: str) -> None:
    typer.echo(text)
