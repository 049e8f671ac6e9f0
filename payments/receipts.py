"""Receipts: one for each payment that its payee accepted, numbered without gap or duplicate.

The number is drawn by a job after the payment, one at a time, so that no payment waits for it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.app import App
from core.call import Call
from core.clock import SHANGHAI
from core.database import Transaction, fetch_one, transaction
from core.errors import NotFound
from core.texts_common import NOT_FOUND
from payments import settlement, store
from payments.models import Intent
from payments.service import get_payment


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says; times are when it was paid and when the receipt was issued."""

    receipt_no: str
    payment: Intent
    issued_at: datetime


async def issue(app: App, intent_id: UUID) -> None:
    """Number a payment's receipt. Repeat-safe: a payment has one number for good."""
    async with transaction() as tx:
        intent = await store.lock_intent(tx, intent_id)
        if intent is None or intent.fulfilment_ref is None or intent.receipt_no is not None:
            return
        now = app.clock.now()
        year = now.astimezone(SHANGHAI).year
        number = await _draw(tx, f"receipt:{year}")
        await settlement.save_intent(
            tx, intent, receipt_no=f"{year}{number:010d}", receipt_issued_at=now
        )


async def get_receipt(call: Call, intent_id: UUID) -> Receipt:
    """The receipt of one of the viewer's payments. Raises NotFound where there is none (yet)."""
    intent = await get_payment(call, intent_id)
    if intent.receipt_no is None or intent.receipt_issued_at is None:
        raise NotFound(NOT_FOUND)
    return Receipt(intent.receipt_no, intent, intent.receipt_issued_at)


async def _draw(tx: Transaction, name: str) -> int:
    """The next number of a series. A draw that rolls back was none: the series has no gaps."""
    row = await fetch_one(
        tx,
        """INSERT INTO payments_counter AS c (name, value) VALUES ($1, 1)
           ON CONFLICT (name) DO UPDATE SET value = c.value + 1 RETURNING value""",
        name,
    )
    assert row is not None
    return int(row["value"])
