"""A city with a map of two grids, its workers, and people who report."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from core.context.app import App
from modules.community.grids.lookup import BASE_MAP
from tests.asgi import Client
from tests.modules.community.base_map import FakeBaseMap, square
from tests.modules.community.reports.people import Street
from tests.upstreams import by_operation


@pytest.fixture
def base_map() -> FakeBaseMap:
    """Two grids side by side."""
    base_map = FakeBaseMap()
    base_map.features = [square("370102001001001"), square("370102001001002", west=117.001)]
    return base_map


@pytest.fixture
def upstreams(base_map: FakeBaseMap) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(base_map, BASE_MAP)


@pytest.fixture
async def street(app: App, client: Client) -> AsyncIterator[Street]:
    """The people."""
    yield Street(app, client)
