"""Books with a past."""

import pytest

from core.clock import ManualClock
from core.context.app import App
from tests.payments.reconciliation.books import Books


@pytest.fixture
def books(app: App, clock: ManualClock) -> Books:
    """Empty books."""
    return Books(app, clock)
