"""A bank's keys at the bank's address: read when needed, rarely, and never from our own network."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.standards.jose import InvalidToken
from core.upstream.public_addresses import is_public, rule_for
from core.upstream.strangers import get
from credit.partner import banks
from credit.partner.models import Bank
from tests.asgi import Client

from .a_bank import ABank


class KeyServer:
    """A bank's web server with its key set."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Any = {"keys": []}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0

    async def serve(self, _request: web.Request) -> web.Response:
        """Answer as set."""
        self.asked += 1
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(text=text, status=self.status, headers=self.headers)


@asynccontextmanager
async def serving() -> AsyncIterator[KeyServer]:
    """A key server for as long as the block lasts."""
    server, application = KeyServer(), web.Application()
    application.router.add_get("/{path:.*}", server.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
        yield server
    finally:
        await runner.cleanup()


async def at_address(app: App, server: KeyServer, bank: ABank) -> None:
    """Have a bank's keys at its address alone."""
    server.answer = bank.key_set
    async with transaction() as tx:
        assert await banks.set_keys(app, tx, bank.id, url=server.url)


async def status(client: Client, bank: ABank) -> int:
    """What asking for a token comes to."""
    return (await bank.ask_token(client)).status


async def test_a_bank_rotates_its_keys_alone(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    async with serving() as server:
        await at_address(app, server, bank)
        assert [await status(client, bank) for _ in range(3)] == [200] * 3
        assert server.asked == 1
        new = ABank(bank.id, clock)
        server.answer = {"keys": bank.key_set["keys"] + new.key_set["keys"]}
        clock.move(banks.COOL_DOWN)
        assert await status(client, new) == 200  # unknown so far: read again
        assert server.asked == 2
        server.answer = new.key_set
        clock.move(banks.FRESH_FOR)
        assert await status(client, bank) == 401  # taken out of the set
        assert await status(client, new) == 200


async def test_unknown_keys_do_not_make_us_ask_again_and_again(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    # spring-attic/spring-security-oauth#1793
    async with serving() as server:
        await at_address(app, server, bank)
        assert await status(client, bank) == 200
        clock.move(banks.COOL_DOWN)
        for n in range(50):
            assertion = bank.assertion({"kid": f"unknown-{n}"})
            assert (await bank.ask_token(client, assertion=assertion)).status == 401
        assert server.asked == 2


async def test_keys_hold_while_the_address_does_not_answer_but_not_for_ever(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    async with serving() as server:
        await at_address(app, server, bank)
        assert await status(client, bank) == 200
        bad: list[tuple[int, Any]] = [
            (500, {}),
            (200, "no JSON"),
            (200, {"keys": []}),
            (200, {"keys": [bank.key_set["keys"][0] | {"d": "AA"}]}),
            (200, "x" * 100_000),
            (302, {}),
        ]
        for code, answer in bad:
            server.status, server.answer = code, answer
            server.headers = {"Location": "http://169.254.169.254/"} if code == 302 else {}
            clock.move(banks.FRESH_FOR)
            assert await status(client, bank) == 200, (code, answer)
        assert server.asked == 1 + len(bad)
        assert (await Bank.get(id=bank.id)).keys == bank.key_set["keys"]
        clock.move(banks.STALE_FOR)
        assert await status(client, bank) == 401


async def test_production_reads_no_keys_from_private_addresses() -> None:
    assert rule_for(True) is is_public
    async with serving() as server:
        answer = await get(server.url, {}, rule_for(True), timeout_s=1, most_bytes=10)
        assert (answer.status, answer.error, server.asked) == (None, "private_address", 0)
        named = server.url.replace("127.0.0.1", "localhost")
        answer = await get(named, {}, rule_for(True), timeout_s=1, most_bytes=10)
        assert (answer.status, server.asked) == (None, 0)
        answer = await get(server.url, {}, rule_for(False), timeout_s=1, most_bytes=10)
        assert answer.error == "too_large"
    for url in ("", "x", "file:///etc/passwd", "http://[::1", "https://u:p@bank.example/"):
        assert (await get(url, {}, is_public, timeout_s=1, most_bytes=10)).error == "bad_url"


async def test_a_private_key_is_never_registered(app: App, bank: ABank) -> None:
    wrong = {"keys": [bank.key_set["keys"][0] | {"d": "AA"}]}
    with pytest.raises(InvalidToken):
        async with transaction() as tx:
            await banks.set_keys(app, tx, bank.id, keys=wrong)
    assert (await Bank.get(id=bank.id)).keys == bank.key_set["keys"]


async def test_who_comes_while_the_keys_are_read_waits_for_them(
    app: App, client: Client, bank: ABank
) -> None:
    async with serving() as server:
        await at_address(app, server, bank)
        answers = await asyncio.gather(*(bank.ask_token(client) for _ in range(10)))
        assert {answer.status for answer in answers} == {200}
        assert server.asked == 1
