"""The sandbox's banks at work: over HTTP with keys of their own, each outcome by the applicant."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.errors import StartError
from core.settings import Environment, Settings
from core.standards.jose import InvalidToken
from credit.lending.records.models import BankApplication, LoanRow
from credit.lending.seed import seed_products
from credit.partner import banks, seed
from credit.partner.models import Bank
from sandbox.systems.banks.outcomes import REFUSALS
from tests.asgi import Client
from tests.core.waiting import eventually
from tests.sandbox.serving import Client as Sandbox
from tests.sandbox.serving import free_port, sandbox_process

from . import borrowers, live
from .borrowers import AMOUNT_FEN
from .test_news import run_news

CITY, RURAL = "city-bank", "rural-bank"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a process on a port of its own, with a sandbox beside it."""
    return live.at_free_port(settings).model_copy(update={"sandbox_port": free_port()})


@pytest.fixture
async def town(app: App, clock: ManualClock, client: Client) -> AsyncIterator[Sandbox]:
    """The served API and the sandbox city, which know each other."""
    async with live.live_bank(client, clock, "bystander-demo"):
        await seed_products(app)
        await seed.seed(app)
        port = app.settings.sandbox_port
        with sandbox_process(port, api_url=app.settings.base_url):
            async with Sandbox(port) as city:
                yield city


async def until(app: App, clock: ManualClock, condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the banks do, in their time; news are on their way meanwhile."""

    async def goes_on() -> bool:
        clock.move(datetime.now(UTC) - clock.now())
        await run_news(app)
        return await condition()

    await eventually(goes_on, within_s=20)


async def apply(app: App, bank: str, ending: int) -> Any:
    """An application whose amount in yuan ends so."""
    product = {CITY: "city-bank-credit", RURAL: "rural-bank-tax"}[bank]
    amount_fen = AMOUNT_FEN + ending * 100
    return await borrowers.apply(app, bank, amount_fen=amount_fen, product=product)


async def test_each_outcome_comes_by_the_applicant(
    app: App, clock: ManualClock, town: Sandbox
) -> None:
    endings = (0, *REFUSALS, 11, 12, 13, 14, 15, 21)
    made = {e: (await apply(app, CITY, e)).applications[CITY] for e in endings}

    async def state(ending: int) -> str:
        return (await BankApplication.get(id=made[ending])).state

    async def settled() -> bool:
        states = {ending: await state(ending) for ending in endings if ending != 13}
        return "RECEIVED" not in states.values()

    await until(app, clock, settled)
    rows = {ending: await BankApplication.get(id=made[ending]) for ending in endings}
    assert {e: rows[e].refusal for e in REFUSALS} == REFUSALS
    assert rows[21].refusal == "EXISTING_DEBT"
    assert [rows[e].state for e in (0, 11, 12, 14, 15)] == ["OFFERED"] * 5
    assert rows[13].state == "RECEIVED"
    acts = (await town.get(f"/_control/banks/{CITY}/acts"))[1]
    assert {act["status"] for act in acts} == {200}
    asked = [act["act"] for act in acts if act["application_no"] == rows[11].no]
    assert asked == ["approve", "ask"]


async def test_a_signed_contract_is_paid_out_once_and_keys_rotate(
    app: App, clock: ManualClock, town: Sandbox
) -> None:
    borrower = await apply(app, RURAL, 0)

    async def offered() -> bool:
        row = await BankApplication.get(id=borrower.applications[RURAL])
        return row.state == "OFFERED"

    await until(app, clock, offered)
    assert (await town.post(f"/_control/banks/{RURAL}/key"))[1] == {"number": 2}
    await borrowers.sign(app, borrower, RURAL)

    async def paid() -> bool:
        return await LoanRow.all().count() == 1

    await until(app, clock, paid)
    loan = await LoanRow.get()
    assert (loan.bank, loan.principal_fen) == (RURAL, AMOUNT_FEN)


async def test_production_has_nothing_of_the_sandboxs_banks(app: App, clock: ManualClock) -> None:
    await seed_products(app)
    await seed.seed(app)
    await seed.seed(app)
    assert {bank.id async for bank in Bank.filter(is_sandbox=True)} == {CITY, RURAL}
    production = app.settings.model_copy(update={"environment": Environment.PRODUCTION})
    object.__setattr__(app, "settings", production)
    assert await banks.find_active(app, CITY) is None
    labelled = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    keys = {"keys": [labelled | {"kid": "SANDBOX-city-bank-1"}]}
    async with transaction() as tx:
        with pytest.raises(InvalidToken, match="sandbox"):
            await banks.set_keys(app, tx, CITY, keys=keys)
        with pytest.raises(StartError):
            await banks.add(app, tx, "x-bank", name_zh="甲", name_en="A", is_sandbox=True)
    assert await Bank.filter(id="x-bank").count() == 0
