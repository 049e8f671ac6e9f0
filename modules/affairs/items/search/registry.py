"""The index of the registry that a process has, built beside the event loop."""

import asyncio
from collections.abc import Mapping, Sequence

from modules.affairs.items.search.index import Document, Index
from modules.affairs.items.search.vocabulary import load_synonyms
from modules.affairs.registry.domain import Item, Registry


class SearchIndex:
    """The index of the newest registry that was asked for."""

    def __init__(self) -> None:
        self._items: Mapping[str, Item] = {}
        self._index: asyncio.Future[Index] | None = None

    async def of(self, registry: Registry) -> Index:
        """The index of a registry; made once for each, also where who asked first gives up."""
        if self._index is None or registry.items is not self._items:
            self._items = registry.items
            self._index = asyncio.ensure_future(asyncio.to_thread(index_of, registry))
        return await asyncio.shield(self._index)


def index_of(registry: Registry) -> Index:
    """The index of what can be applied for; some 500 ms for a city."""
    events: dict[str, list[str]] = {}
    for event in registry.life_events.values():
        for code in event.item_codes:
            events.setdefault(code, []).append(event.name.zh)
    documents = [_document(item, events.get(item.item_code, ())) for item in registry.in_force]
    return Index(documents, load_synonyms())


def _document(item: Item, events: Sequence[str]) -> Document:
    """What is found of an item beside its name, with the weight of each text."""
    texts = (
        (f"{item.department.name_zh} {item.theme_zh}", 0.5),
        (" ".join(events), 0.7),
        (item.result_zh, 0.7),
        (" ".join(material.name_zh for material in item.materials), 0.1),
    )
    return Document(item.item_code, item.name_zh, texts, item.cases_last_year)
