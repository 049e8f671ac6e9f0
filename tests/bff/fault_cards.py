"""A home screen of eight cards, each of an upstream of its own that can be broken on purpose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated

from aiohttp import web

from core.context.app import App
from core.context.call import Call
from core.context.contributions import HomeCard
from core.graphql import HomeSection, view
from core.manifest import Manifest, UpstreamBinding
from core.texts import Text
from core.upstream.client import Upstream, UpstreamFailed

CARDS = 8
BUDGET_MS = 800
NAMES = tuple(f"fault_{chr(ord('a') + number)}" for number in range(CARDS))


class Mode(Enum):
    """How an upstream behaves."""

    WELL = "answers"
    HUNG = "never answers"
    SLOW = "answers after the card's time"
    ERRORING = "answers 500"
    GARBAGE = "answers what is no JSON"


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSection(HomeSection):
    """A card of the fault test."""

    number: Annotated[int | None, "What its upstream said."]


class City:
    """The upstreams, as one HTTP server."""

    def __init__(self) -> None:
        self.modes = dict.fromkeys(NAMES, Mode.WELL)
        self.address = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["City"]:
        """Serve on a free port."""
        application = web.Application()
        application.router.add_get("/{name}", self._answer)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        match self.modes[request.match_info["name"]]:
            case Mode.HUNG:
                await asyncio.sleep(30)
            case Mode.SLOW:
                await asyncio.sleep(2 * BUDGET_MS / 1000)
            case Mode.ERRORING:
                return web.Response(status=500)
            case Mode.GARBAGE:
                return web.Response(text="<html>", content_type="application/json")
        return web.json_response({"number": 7})


def card_loader(name: str):
    """The loader of one card."""

    async def load(call: Call) -> FaultSection:
        upstream = call.app.upstream(PROTOCOLS[name])

        async def fetch() -> int:
            answer = await upstream.request(
                "GET", f"/{name}", operation="read", deadline=call.deadline
            )
            try:
                return int(answer.json()["number"])
            except (KeyError, TypeError, ValueError):
                raise UpstreamFailed(name, "read", "no number") from None

        reading = await call.app.last_good.read_through(
            ("fault", name), fetch, clock=call.app.clock, max_stale=timedelta(hours=1)
        )
        return FaultSection(
            id=name,
            title=name,
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            number=reading.value,
        )

    return load


PROTOCOLS = {name: type(name, (), {}) for name in NAMES}
CARDS = tuple(
    HomeCard(name, Text(name.upper(), name, name), card_loader(name), budget_ms=BUDGET_MS)
    for name in NAMES
)
globals().update({f"Protocol_{name}": PROTOCOLS[name] for name in NAMES})


MANIFEST = Manifest(
    name="faults",
    package="tests.bff",
    rooms=("fault_cards",),
    upstreams=tuple(
        UpstreamBinding(
            name,
            protocol=f"tests.bff.fault_cards:Protocol_{name}",
            factory="tests.bff.fault_cards:make_client",
        )
        for name in NAMES
    ),
)


def make_client(app: App, address: str) -> Upstream:
    """The client of the upstream whose address ends in its name."""
    base, _, name = address.rpartition("/")
    return app.http.upstream(name.replace("-", "_"), base)
