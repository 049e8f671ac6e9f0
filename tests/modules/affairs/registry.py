"""The registry of the sandbox city in memory, for tests that are not about the wire."""

from collections.abc import Callable
from typing import Any

import orjson

from modules.affairs.registry.domain import Registry
from modules.affairs.registry.upstream import Export, read_registry
from sandbox.systems.government_items import registry as sandbox_registry
from tests.conftest import NOON
from tests.fakes import Silence

SEED = 20260101


def city_registry() -> Registry:
    """The sandbox's registry as the product reads it."""
    return read_registry(Export("1", orjson.dumps(sandbox_registry(SEED))), NOON)


class FakeItems(Silence):
    """A registry of items that counts how often it was asked."""

    name = "government_items"

    def __init__(self) -> None:
        super().__init__()
        self.content: dict[str, Any] = dict(sandbox_registry(SEED))
        self.etag = "1"
        self.asked: list[str] = []

    async def export_items(self, etag: str) -> Export | None:
        """See modules.affairs.registry.upstream."""
        self.asked.append(etag)
        self.answer("export_items")
        return None if etag == self.etag else Export(self.etag, orjson.dumps(self.content))

    def change(self, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """Publish another version, with the items as `change` leaves them."""
        items = [dict(item) for item in self.content["items"]]
        change(items)
        self.content = {**self.content, "items": items}
        self.etag = str(int(self.etag) + 1)
