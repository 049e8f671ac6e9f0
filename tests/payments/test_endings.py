"""What is paid for hears how its payment ended, whatever module it is in."""

import pytest

from core.manifest import discover
from core.queue.events import SUBSCRIBERS
from payments.payable import PAYABLES


def _kinds() -> list[str]:
    return sorted(payable.kind for payable in PAYABLES.of(discover()))


@pytest.mark.parametrize("event", ["PaymentRefunded", "PaymentReturned"])
def test_money_that_came_back_is_told_to_whoever_was_paid_for(event: str) -> None:
    subscriptions = SUBSCRIBERS.of(discover())
    heard = [one.kinds for one in subscriptions if f"payments.{event}" in one.events]
    deaf = [kind for kind in _kinds() if not any(kind.startswith(of) for of in heard)]
    assert len(_kinds()) > 5 and not deaf
