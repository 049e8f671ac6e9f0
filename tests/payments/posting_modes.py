"""Payables of the other two ways of posting, for a payee that answers as it is told."""

from collections import deque

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from payments.api import Fulfilment, Paid, Payable, Posting, Quote

SAYS: deque[Fulfilment] = deque()
"""What the payee will answer, attempt by attempt."""
HEARD: list[Paid] = []


async def quote(call: Call, tx: Transaction, subject_ref: str) -> Quote:
    """Always 5,000 fen."""
    return Quote(5000, "testpayee", "测试", "Test")


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """The next answer."""
    HEARD.append(paid)
    return SAYS.popleft()


DEEMED = Payable("test.deemed", quote, fulfil, Posting.DEEMED)
DEEMED_PLUS = Payable("test.deemed_plus", quote, fulfil, Posting.DEEMED_PLUS)
