"""Books with a past."""

import pytest

from core.app import App
from core.clock import ManualClock
from tests.payments.reconciliation.books import Books


@pytest.fixture
def books(app: App, clock: ManualClock) -> Books:
    """Empty books."""
    return Books(app, clock)
