"""What is paid for hears how its payment ended, whatever module it is in."""

import pytest

from core.manifest import discover, load
from payments.payable import PAYABLES


def _kinds() -> list[str]:
    points = [point for manifest in discover() for point in manifest.extensions]
    return sorted(load(path).kind for name, path in points if name == PAYABLES)


@pytest.mark.parametrize("event", ["PaymentRefunded", "PaymentReturned"])
def test_money_that_came_back_is_told_to_whoever_was_paid_for(event: str) -> None:
    handlers = [handler for manifest in discover() for handler in manifest.handlers]
    heard = [handler.of for handler in handlers if handler.event == f"payments.{event}"]
    deaf = [kind for kind in _kinds() if not any(kind.startswith(of) for of in heard)]
    assert len(_kinds()) > 5 and not deaf
