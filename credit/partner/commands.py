"""Partner banks: add, give keys, suspend, list."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app
from credit.partner.scopes import PartnerScope

app = typer.Typer(help=__doc__, no_args_is_help=True)

BankArgument = Annotated[str, typer.Argument(help="The bank's id; also its OAuth client id.")]


@app.command()
def add(
    bank: BankArgument,
    name_zh: Annotated[str, typer.Argument(help="Its name in Chinese.")],
    name_en: Annotated[str, typer.Argument(help="Its name in English.")],
    scope: Annotated[
        list[PartnerScope] | None, typer.Option(help="What it may do; all unless given.")
    ] = None,
) -> None:
    """Add a bank, or change its names and scopes. It can call once it has keys."""
    if not _is_id(bank):
        raise StartError("a bank's id is 2 to 64 of a-z, 0-9 and -, beginning with a letter")

    async def run(house: App) -> None:
        from core.database import transaction
        from credit.partner import banks

        async with transaction() as tx:
            scopes = tuple(scope or PartnerScope)
            await banks.add(house, tx, bank, name_zh=name_zh, name_en=name_en, scopes=scopes)
        typer.echo(f"{bank}: {' '.join(sorted(scopes))}")

    in_app("partner", run)


@app.command()
def keys(
    bank: BankArgument,
    source: Annotated[str, typer.Argument(help="A file with a JSON Web Key Set, or its https URL")],
) -> None:
    """Give a bank its public keys, the old ones are gone. With a URL the bank rotates alone."""

    async def run(house: App) -> None:
        from core.database import transaction
        from core.standards.jose import InvalidToken
        from credit.partner import banks

        is_url = source.startswith(("https://", "http://"))
        if is_url and house.settings.is_production and not source.startswith("https://"):
            raise StartError("production reads key sets by https alone")
        try:
            async with transaction() as tx:
                known = (
                    await banks.set_keys(house, tx, bank, url=source)
                    if is_url
                    else await banks.set_keys(house, tx, bank, keys=_read(source))
                )
        except InvalidToken as refusal:
            raise StartError(f"{source}: {refusal}") from None
        _require(known, bank)
        typer.echo(f"{bank}: keys {'at ' if is_url else 'of '}{source}")

    in_app("partner", run)


@app.command()
def suspend(bank: BankArgument) -> None:
    """Refuse a bank from now on, tokens that it has included."""
    _run(bank, lambda house: _set_suspended(house, bank, on=True))


@app.command()
def resume(bank: BankArgument) -> None:
    """Let a suspended bank call again."""
    _run(bank, lambda house: _set_suspended(house, bank, on=False))


@app.command()
def publish(
    product: Annotated[str, typer.Argument(help="The product's code.")],
    by: Annotated[str, typer.Argument(help="Who at the platform approves it.")],
) -> None:
    """Put the newest proposed version of a bank's product in force."""

    async def run(house: App) -> None:
        from core.database import transaction
        from credit.lending.products import service
        from credit.lending.records import store

        rows = [row for row in await store.list_versions(state="PROPOSED") if row.code == product]
        if not rows:
            raise StartError(f"no version of {product} is proposed")
        async with transaction() as tx:
            row = await service.approve(house, tx, rows[0].id, by, publish=True)
        typer.echo(f"{product} version {row.version}: {row.state}")

    in_app("partner", run)


@app.command()
def applicant(
    product: Annotated[str, typer.Argument(help="The product to apply for.")],
    amount_yuan: Annotated[
        int,
        typer.Option(
            min=1_000,
            help="Its last two digits say what the applicant does with an offer: 31 declines, "
            "32 withdraws its consent at once, 33 never answers; else it accepts and signs.",
        ),
    ] = 300_000,
) -> None:
    """Have a company of the sandbox apply, to try a bank's side. Not in production."""

    async def run(house: App) -> None:
        from credit.partner import applicants

        made = await applicants.apply(house, product, amount_yuan)
        typer.echo(f"{made.case_no}: {made.company}")

    in_app("partner", run)


@app.command("list")
def list_banks() -> None:
    """All banks with their keys and whether they may call."""

    async def run(_house: App) -> None:
        from credit.partner.models import Bank

        for bank in await Bank.all().order_by("id"):
            state = "suspended" if bank.suspended_at else "active"
            label = " sandbox" if bank.is_sandbox else ""
            names = " ".join(key["kid"] for key in bank.keys) or "no keys"
            typer.echo(f"{bank.id} {state}{label} {bank.keys_url or ''} {names}")

    in_app("partner", run)


def _run(bank: str, action: Callable[[App], Awaitable[bool]]) -> None:
    async def run(house: App) -> None:
        _require(await action(house), bank)
        typer.echo(bank)

    in_app("partner", run)


async def _set_suspended(house: App, bank: str, *, on: bool) -> bool:
    from core.database import transaction
    from credit.partner import banks

    async with transaction() as tx:
        return await banks.suspend(tx, bank, house.clock.now() if on else None)


def _require(known: bool, bank: str) -> None:
    if not known:
        raise StartError(f"there is no bank {bank}")


def _is_id(text: str) -> bool:
    plain = text.replace("-", "a")
    return 2 <= len(text) <= 64 and text[0].isalpha() and plain.isalnum() and plain.islower()


def _read(source: str) -> object:
    try:
        return orjson.loads(Path(source).read_bytes())
    except (OSError, ValueError) as error:
        raise StartError(f"{source} is no readable JSON: {type(error).__name__}") from None
