"""Payees of the two ways of posting that bills do not have, and one with a merchant of its own, in
memory, with faults on demand.

A payee books a payment's number once. "lost" books and loses the reply, "down" certainly does not
book; what it refuses it refuses for good.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.ids import new_id
from core.manifest import Manifest
from core.upstream.client import UpstreamTimeout, UpstreamUnavailable
from payments.api import (
    Accepted,
    Fulfilment,
    NotYet,
    Paid,
    Payable,
    Posting,
    Quote,
    Refused,
    Unknown,
)
from tests.payments.fakes import Faults


@dataclass
class FakePayees:
    """What the payees have booked; one set for a test, given anew by `begin`."""

    faults: Faults = field(default_factory=lambda: Faults("payees"))
    booked: dict[str, str] = field(default_factory=dict)
    """By payment: the payee's number for it."""
    amounts: dict[str, int] = field(default_factory=dict)
    """By subject: what is due."""
    refuses: set[str] = field(default_factory=set)
    """Subjects whose payment is refused."""

    def book(self, paid: Paid) -> Fulfilment:
        """An attempt, as the paying service would tell of it."""
        try:
            fault = self.faults.before("book")
            if paid.payment_ref not in self.booked and paid.subject_ref in self.refuses:
                return Refused("CLOSED")
            ref = self.booked.setdefault(paid.payment_ref, f"B{len(self.booked):06d}")
            self.faults.after(fault, "book")
        except UpstreamUnavailable:
            return NotYet()
        except UpstreamTimeout:
            return Unknown()
        return Accepted(ref)


def captured(payment_id: UUID, amount_fen: int, paid_at: datetime) -> Paid:
    """A payment as a payee is told of it for the first time."""
    return Paid(payment_id, new_id(), "test", "test", amount_fen, paid_at, 0)


_payees = FakePayees()


def begin() -> FakePayees:
    """Fresh payees; the payables below ask these from now on."""
    global _payees
    _payees = FakePayees()
    return _payees


async def quote(call: Call, tx: Transaction, subject_ref: str) -> Quote:
    """What was said to be due."""
    return Quote(_payees.amounts[subject_ref], "testpayee", "测试", "Test")


async def quote_fine(call: Call, tx: Transaction, subject_ref: str) -> Quote:
    """The same to a payee with a merchant of its own: see finance.toml."""
    return Quote(_payees.amounts[subject_ref], "non-tax", "测试", "Test")


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """An attempt to book."""
    return _payees.book(paid)


async def fulfil_fine(app: App, paid: Paid) -> Fulfilment:
    """The same at a payee that is asked before anything is sent again, as `pass_on` does: while it
    is silent then, it may have booked the earlier sending."""
    outcome = _payees.book(paid)
    return Unknown() if paid.attempt and isinstance(outcome, NotYet) else outcome


DEEMED = Payable("test.payees_deemed", quote, fulfil, Posting.DEEMED)
DEEMED_PLUS = Payable("test.payees_deemed_plus", quote, fulfil, Posting.DEEMED_PLUS)
OWN_MERCHANT = Payable("test.payees_own_merchant", quote_fine, fulfil_fine)

WING = Manifest(name="payees", package="tests.payments", rooms=("payees",))
"""The wing that gives the payables."""
