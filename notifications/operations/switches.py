"""Pausing a lane or a provider, seen by every process within a second."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.errors import InvalidInput
from notifications.channels.port import PROVIDERS
from notifications.operations.models import Switch
from notifications.templates.domain import SendLane
from notifications.templates.texts import SWITCH_UNKNOWN

_KEPT_S = 1.0


@dataclass
class _Seen:
    names: frozenset[str] = frozenset()
    at_s: float = float("-inf")


async def find_paused(app: App) -> frozenset[str]:
    """The names of what is paused, as this process saw it within the last second."""
    seen = app.once(_Seen, _Seen)
    if time.monotonic() - seen.at_s >= _KEPT_S:
        await look(app)
    return seen.names


async def look(app: App) -> None:
    """Read the switches anew. Until they are read nobody takes the earlier ones for these."""
    seen, asked_s = app.once(_Seen, _Seen), time.monotonic()
    names = frozenset(switch.name for switch in await Switch.all())
    if asked_s >= seen.at_s:
        seen.names, seen.at_s = names, asked_s


def names(app: App) -> list[str]:
    """Everything that can be paused."""
    lanes = [f"lane:{lane}" for lane in SendLane]
    return lanes + [f"provider:{provider.name}" for provider in app.extensions(PROVIDERS)]


async def pause(app: App, name: str) -> None:
    """Pause a lane or a provider; once is enough. Raises InvalidInput for another name."""
    async with _changing(app, name) as tx:
        await _pause(app, tx, name, None)


async def resume(app: App, name: str) -> None:
    """Let it go on. Raises InvalidInput for another name."""
    async with _changing(app, name) as tx:
        await _resume(tx, name)


async def pause_by_key(call: Call, name: str, key: str) -> None:
    """The same as `pause` for an operator, once per key: resumed since then, it goes on.

    Raises InvalidInput, and Conflict.
    """
    async with _changing(call.app, name) as tx:
        if not (await claim_key(call, tx, "pauseMessages", key, {"name": name})).replayed:
            await _pause(call.app, tx, name, call.require_viewer().user_id)


async def resume_by_key(call: Call, name: str, key: str) -> None:
    """The same as `resume` for an operator, once per key: paused since then, it stays so.

    Raises InvalidInput, and Conflict.
    """
    async with _changing(call.app, name) as tx:
        if not (await claim_key(call, tx, "resumeMessages", key, {"name": name})).replayed:
            await _resume(tx, name)


@asynccontextmanager
async def _changing(app: App, name: str) -> AsyncIterator[Transaction]:
    if name not in names(app):
        raise InvalidInput(SWITCH_UNKNOWN, "name")
    async with transaction() as tx:
        yield tx
    await look(app)


async def _pause(app: App, tx: Transaction, name: str, by: UUID | None) -> None:
    paused = {"paused_at": app.clock.now(), "paused_by": by}
    await Switch.get_or_create(paused, using_db=tx, name=name)


async def _resume(tx: Transaction, name: str) -> None:
    await Switch.filter(name=name).using_db(tx).delete()
