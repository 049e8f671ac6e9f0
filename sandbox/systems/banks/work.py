"""The banks at work: they set their webhook, and look at their applications when news come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from sandbox.server.background import Turn, repeated
from sandbox.server.system import City
from sandbox.systems.banks.client import BankClient, Refused
from sandbox.systems.banks.keys import BANKS
from sandbox.systems.banks.outcomes import act_on

TICK_S = 0.5
"""How soon news are acted on."""
LOOK_EVERY_S = 60.0
"""How often they look without news: a webhook may be lost."""
RETRY_S = 3.0
TIMEOUT_S = 5.0
PAGE = 100


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Both banks work for as long as the block lasts, where there is an API to work with."""
    if not city.settings.api_url:
        yield
        return
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as http:
        turns = [_turn(city, BankClient(city, http, bank)) for bank in BANKS]
        async with repeated(*turns, every_s=TICK_S):
            yield


def _turn(city: City, client: BankClient) -> Turn:
    """Looks when it is time, or when news have come."""
    loop, next_s = asyncio.get_running_loop(), 0.0

    async def look() -> None:
        nonlocal next_s
        if loop.time() < next_s and not take_news(city, client.bank):
            return
        next_s = loop.time() + RETRY_S  # where the API is not there, or does not know us yet
        with suppress(Refused, aiohttp.ClientError, TimeoutError, ValueError, KeyError):
            await set_webhook(city, client)
            await work(city, client)
            next_s = loop.time() + LOOK_EVERY_S

    return look


def take_news(city: City, bank: str) -> bool:
    """Whether news came since this was last asked."""
    return bool(city.state.run("DELETE FROM banks_news WHERE bank = ?", (bank,)))


async def set_webhook(city: City, client: BankClient) -> None:
    """Have news sent here, once; the secret is told only then. Raises as the client does."""
    if city.state.one("SELECT 1 FROM banks_webhook WHERE bank = ?", (client.bank,)) is not None:
        return
    url = f"http://127.0.0.1:{city.settings.port}/banks/{client.bank}/news"
    seen, _ = await client.send("PUT", "/webhook", {"url": url}, _key(city))
    secret = seen["secret"]
    if secret is None:  # set in an earlier life of this sandbox: make a new one
        seen, _ = await client.send("POST", "/webhook/secret", {}, _key(city))
        secret = seen["secret"]
    city.state.run("INSERT INTO banks_webhook VALUES (?, ?)", (client.bank, secret))


async def work(city: City, client: BankClient) -> int:
    """Do what is to be done with every application that waits; how much was done.

    Raises as the client does; one application that is refused does not keep the others waiting.
    """
    listed, _ = await client.get("/products")
    products = {(item["code"], item["version"]): item for item in listed["items"]}
    done = 0
    for state in ("RECEIVED", "SIGNED"):
        page, _ = await client.get(f"/applications?state={state}&limit={PAGE}")
        for item in page["items"]:
            application, etag = await client.get(f"/applications/{item['id']}")
            product = products[item["product"], item["product_version"]]
            act = act_on(client.bank, application, product, city.today())
            if act is None:
                continue
            key = f"{act.name}-{application['id']}-{application['sequence']}"[:64]
            try:
                await client.send("POST", act.path, act.body, key, etag if act.needs_etag else "")
            except Refused as refused:
                _note(city, client.bank, application["no"], f"{act.name} refused", refused.status)
            else:
                done += 1
                _note(city, client.bank, application["no"], act.name, 200)
    return done


def _note(city: City, bank: str, application_no: str, act: str, status: int) -> None:
    city.state.run(
        "INSERT INTO banks_act (bank, application_no, act, status, done_at) VALUES (?, ?, ?, ?, ?)",
        (bank, application_no, act, status, city.timestamp()),
    )


def _key(city: City) -> str:
    return f"webhook-{city.serial('banks')}"
