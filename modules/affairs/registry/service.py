"""The registry for whoever needs an item: the search, applications, outlets."""

from dataclasses import replace
from datetime import timedelta

from core.context.app import App
from core.context.call import Call
from core.context.contributions import WarmUp
from core.deadline import Deadline
from core.errors import NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.readings import Reading
from kinds.lookup import CityLookup
from modules.affairs.registry import texts
from modules.affairs.registry.domain import Item, Registry
from modules.affairs.registry.upstream import current_registry

SERVICE = "gov-item-search"
REGISTRY = CityLookup(SERVICE, current_registry, max_stale=timedelta(days=7))
_WARM_UP_S = 30.0


async def read_registry(call: Call) -> Reading[Registry]:
    """The registry; its `as_of` is when this process last heard that nothing has changed."""
    reading = await REGISTRY.read(call)
    return replace(reading, as_of=reading.value.checked_at) if reading.value else reading


async def get_item(call: Call, code: str) -> Item:
    """An item by its 31 characters, a withdrawn one too (see its `status`).

    Raises NotFound for a code that was never given, Unavailable where no registry is at hand.
    """
    registry = (await read_registry(call)).value
    if registry is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.REGISTRY)
    item = registry.items.get(code)
    if item is None:
        raise NotFound(NOT_FOUND)
    return item


async def _warm_up(app: App) -> None:
    """Fetch the registry: a second or two that nobody should wait for."""
    await read_registry(Call(app, Deadline.after(_WARM_UP_S), "warm-up"))


WARM_UP = WarmUp(_warm_up)
