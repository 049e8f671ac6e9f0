"""Two banks that are registered."""

import pytest

from core.clock import ManualClock
from core.context.app import App

from .a_bank import ABank, register


@pytest.fixture
async def bank(app: App, clock: ManualClock) -> ABank:
    """A bank."""
    return await register(app, ABank("qilu-demo", clock, base=app.settings.base_url))


@pytest.fixture
async def other(app: App, clock: ManualClock) -> ABank:
    """Another one."""
    return await register(app, ABank("quancheng-demo", clock, base=app.settings.base_url))
