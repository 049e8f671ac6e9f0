"""A seeded house with an owner."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.security.authentication import Viewer
from credit.lending.companies.upstream import REGISTER, SOURCES
from credit.lending.seed import seed_products
from tests.credit.lending.town import NAME, FakeCity, Owner, make_owner
from tests.upstreams import by_operation, fake_of


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """The register and the sources."""
    return by_operation(FakeCity(), REGISTER, SOURCES)


@pytest.fixture
def city(upstreams: Mapping[Any, Any]) -> FakeCity:
    """The same, to be looked at."""
    found: FakeCity = fake_of(upstreams)
    return found


@pytest.fixture
async def owner(
    app: App, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> Owner:
    """A representative with her company; the city's products are in force."""
    await seed_products(app)
    viewer = await citizen(name=NAME)
    return await make_owner(app, call(user_id=viewer.user_id, level=2))
