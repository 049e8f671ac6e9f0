"""`quancheng credit decide · replay · verify`: decisions by what stands, and their log."""

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from core.ids import new_id
from credit.commands.console import KeyOption, now, refusing, today
from credit.commands.registry import HomeOption, home_of
from credit.log.chain import Head, entries, verify
from credit.log.entries import Subject, decision_entry
from credit.log.files import Log, open_log
from credit.log.replay import replay
from credit.registry.store import Home
from credit.storage.errors import InputError, LogError

BankOption = Annotated[str, typer.Option(help="The bank, as its policy names it.")]


@refusing
def decide(
    bank: BankOption,
    product: Annotated[str, typer.Option(help="The product, as its policy names it.")],
    application: Annotated[
        Path, typer.Option(help="JSON object of the application's fields; - for standard input.")
    ],
    application_id: Annotated[str, typer.Option("--id", help="The application's id.")],
    key: Annotated[str, typer.Option("--idempotency-key", help="One entry for each.")] = "",
    home: HomeOption = None,
    model_key: KeyOption = None,
) -> None:
    """Decide on one application by the champion and policy that stand, log it, print it as JSON."""
    place = home_of(home, model_key)
    engine = place.engine(bank, product, today())
    subject = Subject(application_id, key or str(new_id()), bank, product)
    fields = _application(application)
    _, draft = decision_entry(subject, engine, fields, now())
    log = log_of(place, bank)
    entry = log.add(draft)
    body = log.body(entry)
    if body is None:
        raise LogError(f"entry {entry.number} of this key was destroyed")
    report = {"entry": entry.number, "entry_hash": entry.hash, **body["decision"]}
    typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())


@refusing
def replay_log(bank: BankOption, home: HomeOption = None, key: KeyOption = None) -> None:
    """Decide every logged decision again and compare; exit status 2 where one differs."""
    place = home_of(home, key)
    log = log_of(place, bank)
    result = replay(
        ((entry, log.body(entry)) for entry in entries(log.chain)), place.model, place.policy
    )
    Console().print(
        f"{result.same:,} the same, {len(result.different):,} different, "
        f"{len(result.changed_code):,} decided by other code and different, "
        f"{result.destroyed:,} destroyed, {result.others:,} other entries",
        highlight=False,
    )
    if result.different or result.changed_code:
        numbers = ", ".join(map(str, sorted((*result.different, *result.changed_code))[:20]))
        Console().print(f"entries {numbers}", highlight=False)
        raise typer.Exit(2)


@refusing
def verify_log(
    bank: BankOption,
    head: Annotated[
        str, typer.Option(help="COUNT:HASH as printed before: finds a history cut short.")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Read a bank's whole chain and every body that is left; print the head to keep elsewhere."""
    log = log_of(home_of(home), bank)
    found = verify(log.chain, _head(head) if head else None)
    for entry in entries(log.chain):
        log.body(entry)
    typer.echo(f"{found.count}:{found.hash}")


def log_of(home: Home, bank: str) -> Log:
    """A bank's log in the credit folder."""
    return open_log(home.folder / "log", bank)


def _application(path: Path) -> dict[str, Any]:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        fields = orjson.loads(data)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InputError(f"{path} is no JSON object of fields")
    return fields


def _head(text: str) -> Head:
    count, _, digest = text.partition(":")
    if not count.isdigit() or len(digest) != 64:
        raise InputError(f"--head is COUNT:HASH, not {text!r}")
    return Head(int(count), digest)
