"""Receipts: one for each payment that its payee accepted, numbered without gap or duplicate.

Numbers are drawn by jobs after the payments, those that wait together in one go, so that no payment
waits for the series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from core.clock import SHANGHAI
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, fetch_one, transaction
from core.database.coalescing import Together
from core.errors import NotFound
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from core.texts import Locale, Named
from payments import settlement, store, texts
from payments.finance import finance_of
from payments.models import Intent
from payments.service import get_payment

_LINE = "payments.receipts"
_MOST = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says; times are when it was paid and when the receipt was issued."""

    receipt_no: str
    payment: Intent
    issued_at: datetime

    @property
    def as_of(self) -> datetime:
        """Since when it says what it says: its issue, or the last refund."""
        refunded_at = self.payment.ended_at if self.payment.refunded_fen else None
        return max(self.issued_at, refunded_at or self.issued_at)

    def note(self, app: App) -> Named:
        """What it is good for and what not, in both languages."""
        where = finance_of(app).fiscal_receipts.get(self.payment.payee)
        if where is None:
            return Named(texts.RECEIPT_NOTE.zh, texts.RECEIPT_NOTE.en)
        note = texts.FISCAL_RECEIPT_NOTE
        return Named(*(note.say(locale, where=where) for locale in (Locale.ZH, Locale.EN)))


@job("payments.issue_receipt", max_attempts=20)
async def issue(app: App, intent_id: UUID) -> None:
    """Number a payment's receipt, together with all that wait in this process.

    Repeat-safe: a payment has one number for good.
    """
    line: Together[UUID] = app.once(_LINE, lambda: Together(partial(_issue, app), most=_MOST))
    await line.do(intent_id)


async def _issue(app: App, intent_ids: Sequence[UUID]) -> None:
    """Number receipts in one transaction, so that the series is held for one commit."""
    now = app.clock.now()
    year = now.astimezone(SHANGHAI).year
    async with transaction() as tx:
        states = await store.lock_unnumbered(tx, intent_ids)
        if not states:
            return
        first = await _draw(tx, f"receipt:{year}", len(states)) - len(states) + 1
        numbers = {intent_id: f"{year}{n:010d}" for n, intent_id in enumerate(states, first)}
        notices = [settlement.notice(intent_id, state) for intent_id, state in states.items()]
        await store.number_receipts(tx, numbers, notices, now)


async def get_receipt(call: Call, intent_id: UUID) -> Receipt:
    """The receipt of one of the viewer's payments. Raises NotFound where there is none (yet)."""
    intent = await get_payment(call, intent_id)
    if intent.receipt_no is None or intent.receipt_issued_at is None:
        raise NotFound(NOT_FOUND)
    return Receipt(intent.receipt_no, intent, intent.receipt_issued_at)


async def _draw(tx: Transaction, name: str, count: int) -> int:
    """The last of the next numbers of a series. A draw that rolls back was none: no gaps."""
    row = await fetch_one(
        tx,
        """INSERT INTO payments_counter AS c (name, value) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET value = c.value + $2 RETURNING value""",
        name,
        count,
    )
    assert row is not None
    return int(row["value"])
