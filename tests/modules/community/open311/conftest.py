"""A city with an organisation that files reports through Open311."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from core.context.app import App
from modules.community.grids.lookup import BASE_MAP
from modules.community.open311.seed import seed
from tests.asgi import Client
from tests.modules.community.base_map import FakeBaseMap
from tests.modules.community.open311.door import Door
from tests.modules.community.reports.people import Street
from tests.upstreams import by_operation


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(FakeBaseMap(), BASE_MAP)


@pytest.fixture
async def street(app: App, client: Client) -> Street:
    """The people."""
    return Street(app, client)


@pytest.fixture
async def door(app: App, client: Client) -> AsyncIterator[Door]:
    """What other systems ask."""
    await seed(app)
    yield Door(client)
