"""Access tokens that outside services grant for a while, one of each service for a process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.context.app import App

EARLY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """A token and how long it is good for."""

    token: str
    life: timedelta


@dataclass
class _Kept:
    token: str = ""
    until: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def access_token(app: App, service: str, ask: Callable[[], Awaitable[Grant]]) -> str:
    """The token of a service; `ask` gets a new one shortly before the old one ends, and one call at
    a time does. Raises what `ask` raises."""
    kept, now = _kept(app, service), app.clock.now()
    async with kept.lock:
        if kept.until is None or now >= kept.until - EARLY:
            grant = await ask()
            kept.token, kept.until = grant.token, now + grant.life
    return kept.token


def drop_token(app: App, service: str, token: str) -> None:
    """Forget a token that the service takes no more; a newer one stays."""
    kept = _kept(app, service)
    if kept.token == token:
        kept.until = None


def _kept(app: App, service: str) -> _Kept:
    return app.once(f"access token of {service}", _Kept)
