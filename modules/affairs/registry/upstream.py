"""The city's registry of items: asked for anew only where it has changed, read item by item."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Response, UpstreamFailed, UpstreamTimeout
from core.upstream.operation import Answer, Request, System
from modules.affairs.registry.domain import Department, Item, LifeEvent, Registry

REGISTRY_SYSTEM = System("government_items")
FRESH = timedelta(minutes=10)
"""How long a process looks at its copy before it asks whether there is a newer one."""
EXPORT_MAX_BYTES = 30_000_000
_NOT_MODIFIED = 304
_DEPARTMENTS = TypeAdapter(list[Department])
_LIFE_EVENTS = TypeAdapter(list[LifeEvent])
_ITEM = TypeAdapter(Item)


@dataclass(frozen=True, slots=True)
class Export:
    """The registry as it was sent; `etag` names this state of it."""

    etag: str
    body: bytes


def _export(response: Response) -> Export | None:
    if response.status == _NOT_MODIFIED:
        return None
    return Export(response.headers.get("ETag", ""), response.body)


@REGISTRY_SYSTEM.operation(
    "GET",
    "/items",
    answers=Answer(_export, form=tuple[Item, Department, LifeEvent]),
    accept=ANY,
    body_max_bytes=EXPORT_MAX_BYTES,
    probe=("",),
)
def export_items(etag: str) -> Request:
    """The whole registry; None where it is still that of this ETag."""
    return Request(headers={"If-None-Match": etag} if etag else None)


@dataclass
class LatestRegistry:
    """The registry as this process has it."""

    registry: Registry | None = None
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def current(self, app: App, deadline: Deadline) -> Registry:
        """The registry, at most ten minutes old; who comes while it is asked for waits for that.

        Raises UpstreamError.
        """
        if not self._is_fresh(app):
            try:
                async with asyncio.timeout(deadline.remaining()), self._refreshing:
                    if not self._is_fresh(app):
                        self.registry = await self._refresh(app, deadline)
            except TimeoutError:
                name, operation = REGISTRY_SYSTEM.name, export_items.name
                raise UpstreamTimeout(name, operation, "no registry in time") from None
        assert self.registry is not None
        return self.registry

    def _is_fresh(self, app: App) -> bool:
        return self.registry is not None and app.clock.now() - self.registry.checked_at < FRESH

    async def _refresh(self, app: App, deadline: Deadline) -> Registry:
        checked_at, known = app.clock.now(), self.registry
        export = await export_items(app, deadline, known.etag if known else "")
        if export is None and known is not None:
            return known.confirmed(checked_at)
        try:
            assert export is not None
            registry = await asyncio.to_thread(read_registry, export, checked_at)
        except (AssertionError, KeyError, TypeError, ValueError):
            app.upstreams.note_unreadable(export_items, 1)
            name, operation = REGISTRY_SYSTEM.name, export_items.name
            raise UpstreamFailed(name, operation, "unknown form") from None
        if registry.unreadable:
            app.upstreams.note_unreadable(export_items, registry.unreadable)
        return registry


async def current_registry(app: App, deadline: Deadline) -> Registry:
    """The registry as this process has it. Raises UpstreamError."""
    return await app.once(LatestRegistry, LatestRegistry).current(app, deadline)


def read_registry(export: Export, checked_at: datetime) -> Registry:
    """The registry in an export. An item that cannot be right is passed over and counted. Raises
    KeyError, TypeError or ValueError where the whole is no registry.

    It takes some 100 ms for a city: not for the event loop.
    """
    content = orjson.loads(export.body)
    departments = _DEPARTMENTS.validate_python(content["departments"])
    by_code = {department.code: department for department in departments}
    items = list(_items(content["items"], by_code))
    if not items:
        raise ValueError("a registry without a single item")
    events = _LIFE_EVENTS.validate_python(content["life_events"])
    unreadable = len(content["items"]) - len(items)
    return Registry(export.etag, checked_at, departments, events, items, unreadable)


def _items(
    records: Sequence[Mapping[str, Any]], departments: Mapping[str, Department]
) -> Iterator[Item]:
    for record in records:
        try:
            department = departments[record["department_code"]]
            yield _ITEM.validate_python({**record, "department": department})
        except (KeyError, TypeError, ValidationError):
            continue
