"""A system that takes webhooks, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """Answers with `status`, where there are `answers` once they are set, and keeps what it was
    sent."""

    url: str = ""
    status: int = 204
    location: str | None = None
    answers: asyncio.Event | None = None
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        receiver.taken.append((headers, await request.read()))
        if receiver.answers is not None:
            await receiver.answers.wait()
        location = {"Location": receiver.location} if receiver.location else {}
        return web.Response(status=receiver.status, headers=location)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/news"
        yield receiver
    finally:
        await runner.cleanup()
