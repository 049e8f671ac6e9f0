"""What journeys of loans have in common: the demo owner's application, and waiting for answers."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientSession
from journeys.house import House

from bff.client.city import CityClient, key
from bff.trusted.documents import documents_of
from core.manifest import discover
from sandbox.population.companies import uscc_of
from sandbox.server.settings import SandboxSettings
from sandbox.systems.banks.client import BankClient

FORM = {
    "uscc": uscc_of(0),
    "product": "city-bank-credit",
    "second_product": "rural-bank-tax",
    "amount_yuan": "10021",
    "months": "12",
    "form": "EQUAL_INSTALMENT",
    "purpose": "采购原材料",
}
ALL = ("registry", "tax", "invoices", "social_insurance", "housing_fund", "utilities", "court")
SOURCES = {"city-bank": ALL, "rural-bank": ALL[:3]}
"""What each bank's product looks at."""
OPERATIONS = {op.name: op.source for op in documents_of(discover()).operations.values()}


async def apply(client: CityClient, *, gives: bool = True, **changes: str) -> str:
    """Take the company on, give each bank what it looks at, hand an application in; its case."""
    company = await do(client, "LinkLoanCompany", uscc=FORM["uscc"], linkKey=key())
    for bank, sources in SOURCES.items() if gives else ():
        await do(
            client, "GiveLoanConsents", companyId=company["company"]["id"], bank=bank,
            sources=list(sources), giveKey=key(),
        )  # fmt: skip
    form = {name: text for name, text in (FORM | changes).items() if text}
    answers = [{"name": name, "value": text} for name, text in form.items()]
    opened = await do(
        client, "OpenApplication", serviceId="loan-apply", answers=answers, openKey=key()
    )
    case_id: str = opened["case"]["id"]
    await do(client, "StepApplication", caseId=case_id, event="submit", stepKey=key())
    return case_id


def bank_at(house: House, http: ClientSession, bank: str) -> BankClient:
    """A bank of the sandbox at the partner API, with the key that the sandbox makes from its seed;
    the key was never rotated."""
    settings = SimpleNamespace(seed=SandboxSettings().seed, api_url=house.api_urls[0])
    state = SimpleNamespace(one=lambda *_: None)
    city: Any = SimpleNamespace(settings=settings, now=house.clock.now, state=state)
    return BankClient(city, http, bank)


async def until(
    ask: Callable[[], Awaitable[Any]], is_there: Callable[[Any], object], within_s: float = 40
) -> Any:
    """The first answer that is as wanted."""
    async with asyncio.timeout(within_s):
        while True:
            found = await ask()
            if is_there(found):
                return found
            await asyncio.sleep(0.3)


async def do(client: CityClient, name: str, **variables: Any) -> Any:
    """A trusted operation; its only field, which refuses nothing."""
    answer = await client.run(OPERATIONS[name], variables)
    assert answer.data is not None, answer
    (found,) = answer.data.values()
    refused = isinstance(found, dict) and "code" in found
    assert found is not None and not refused, found
    return found
