"""Pausing a lane or a provider, seen by every process within a second."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.database import transaction
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


async def pause(app: App, name: str, by: UUID | None) -> None:
    """Pause a lane or a provider; once is enough. Raises InvalidInput for another name."""
    await _change(app, name, lambda: _insert(app, name, by))


async def resume(app: App, name: str) -> None:
    """Let it go on. Raises InvalidInput for another name."""
    await _change(app, name, lambda: _delete(name))


async def _change(app: App, name: str, change: Callable[[], Awaitable[None]]) -> None:
    if name not in names(app):
        raise InvalidInput(SWITCH_UNKNOWN, "name")
    await change()
    await look(app)


async def _insert(app: App, name: str, by: UUID | None) -> None:
    async with transaction() as tx:
        await Switch.get_or_create(
            {"paused_at": app.clock.now(), "paused_by": by}, using_db=tx, name=name
        )


async def _delete(name: str) -> None:
    await Switch.filter(name=name).delete()
