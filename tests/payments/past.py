"""A ledger with one of everything: paid, refunded, shared, left, paid out, banked, closed."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from core.database import transaction
from core.ids import new_id
from payments import receipts, settlement, shares, store
from payments import share_returns as returns
from payments.bank import entries, transfers
from payments.bank.domain import end_to_end
from payments.bank.models import Transfer
from payments.ledger import closing
from payments.models import Intent, LeftOrder, Refund
from payments.psp.port import OrderState, OrderView, RefundState, RefundView
from payments.psp.sharing import ReturnState, ReturnView, ShareState, ShareView
from payments.reconciliation import payouts
from payments.reconciliation.sources import get_sources
from payments.sharing.models import ShareReturn
from tests.payments import bank
from tests.payments.reconciliation.books import Books, at

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
OWN = "1900000109"
"""A payee's own merchant."""


async def live(books: Books) -> Mapping[str, UUID]:
    """Book it all; returns some ids by name."""
    fulfilled = await books.paid(at(DAY, "10:00:00"), 1000)
    part = await books.paid(at(DAY, "10:05:00"), 2000)
    whole = await books.paid(at(DAY, "10:10:00"), 3000)
    own = await books.paid(at(DAY, "10:15:00"), 400, payee="non-tax", merchant=OWN)
    await receipts._issue(books.app, [fulfilled, part, whole, own])
    refund = await books.refunded(part, 500, at(DAY, "11:00:00"), at(DAY, "11:01:00"))
    await books.refunded(whole, 3000, at(DAY, "11:02:00"), at(DAY, "11:03:00"))
    await books.refunded(own, 150, at(DAY, "11:04:00"), at(DAY, "11:05:00"))
    await _shared(books)
    await _left(books, fulfilled)
    for source in get_sources(books.app):
        await books.told(DAY, [], source.name)
    books.go_to(at(NEXT, "10:30:00"))
    await _pay_out(books)
    await _at_the_bank(books)
    await closing.close(DAY, at=books.clock.now(), by="clerk")
    open_refund = await books.refunded(fulfilled, 300, at(NEXT, "11:00:00"))
    paid = await books.paid(at(NEXT, "12:00:00"), 700, payee="gas", fulfilled=False)
    awaiting = await books.ordered(at(NEXT, "12:10:00"), 900)
    await books.paid(at(NEXT, "12:15:00"), 800, payee="non-tax", merchant=OWN, share_bps=2000)
    return {
        "fulfilled": fulfilled, "part": part, "whole": whole, "paid": paid,
        "awaiting": awaiting.id, "refund": refund, "open_refund": open_refund,
    }  # fmt: skip


async def _pay_out(books: Books) -> None:
    """A payout as it is posted when nothing is left open."""
    async with transaction() as tx:
        await tx.execute_query("UPDATE payments_case SET state = 'resolved', closed_at = opened_at")
    await payouts.pay_out(books.app, "water", DAY)


async def _at_the_bank(books: Books) -> None:
    """What the bank held before, a settlement, the payout, and a charge."""
    await transfers.order_due(books.app)
    due = await Transfer.get()
    booked = [
        bank.settled("S1", 2394),
        bank.paid("P1", -due.amount_fen, end_to_end(due.id, due.tries)),
        bank.charged("C1", -50),
    ]
    await entries.take(books.app, bank.statement(NEXT, 700, booked))


async def _shared(books: Books) -> None:
    """What a payee's own merchant took was shared, and a part of it given back before a refund."""
    shared = await books.paid(
        at(DAY, "10:20:00"), 1000, payee="non-tax", merchant=OWN, share_bps=2000
    )
    async with transaction() as tx:
        await shares.apply(books.app, tx, shared, ShareView(ShareState.SUCCEEDED, "S1"))
    refund_id = await books.refunded(shared, 500, at(DAY, "11:06:00"))
    refund, intent = await Refund.get(id=refund_id), await Intent.get(id=shared)
    assert await returns.keeps_waiting(books.app, intent, refund)
    back = await ShareReturn.get(refund_id=refund_id)
    async with transaction() as tx:
        done = ReturnView(ReturnState.SUCCEEDED, "B1")
        assert (await returns.apply(books.app, tx, back.id, done)).state == "succeeded"
        made = RefundView(refund_id, RefundState.SUCCEEDED, "50", 500)
        assert await settlement.apply_refund(books.app, tx, intent.psp, made) is not None


async def _left(books: Books, intent_id: UUID) -> None:
    """An order that the payment had left was paid all the same, and goes back."""
    left_at = at(DAY, "09:59:00")
    await LeftOrder.create(
        id=new_id(), intent_id=intent_id, psp="alipay", evidence="closed", left_at=left_at
    )
    async with transaction() as tx:
        view = OrderView(intent_id, OrderState.PAID, "A1", 1000, at(DAY, "10:01:00"))
        assert await settlement.settle(books.app, tx, "alipay", view) == "late"
        refund = await store.find_refund_by_key(tx, await _left_key(intent_id))
        assert refund is not None
        done = RefundView(refund.id, RefundState.SUCCEEDED, "A2", 1000)
        assert await settlement.apply_refund(books.app, tx, "alipay", done) is not None


async def _left_key(intent_id: UUID) -> str:
    left = await LeftOrder.get(intent_id=intent_id)
    return f"left:{left.id}"
