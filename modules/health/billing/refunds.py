"""The way back: a hospital decides, payments return the money, the hospital is told.

The hospital's decision is found by asking for the payment. The permanent key of a refund is the
hospital's number for it, so that looking twice never pays twice.
"""

from uuid import UUID

import structlog

from core.context.app import App
from core.context.sweep import sweep
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.ids import new_id
from core.queue.jobs import GiveUp
from core.upstream.client import UpstreamRejected
from modules.health.billing import domain, store, upstream
from modules.health.billing.domain import DecidedRefund
from modules.health.models import REASON, HospitalPayment, HospitalRefund
from payments import api as payments

log = structlog.get_logger(__name__)


async def look(app: App, intent_id: UUID, deadline: Deadline) -> None:
    """Ask a hospital what it gives back of a payment and begin to return it. Repeat-safe.

    Raises UpstreamError without an answer; then the payment stays due for another look.
    """
    booked = await store.find_payment(intent_id)
    if booked is None:
        return
    receipt = await upstream.find_payment(app, deadline, booked.hospital_ref, intent_id.hex)
    if receipt is None:
        log.error("a booked payment is unknown to its hospital", intent_id=str(intent_id))
    async with transaction() as tx:
        locked = await store.lock_payment(tx, intent_id)
        for decided in receipt.refunds if receipt else ():
            await _take_up(app, tx, locked, decided)
        now = app.clock.now()
        await store.looked(tx, locked, now, domain.next_look(locked.booked_at, now))


async def _take_up(
    app: App, tx: Transaction, booked: HospitalPayment, decided: DecidedRefund
) -> None:
    """Note a decision and have the money returned, once."""
    if await store.has_refund(tx, booked.hospital_ref, decided.refund_no):
        return
    refund_id, settled_at = None, None
    if decided.refund_ref is None:
        try:
            refund_id = await payments.refund(
                app,
                tx,
                booked.intent_id,
                decided.amount_fen,
                reason="PAYEE_DECIDED",
                key=f"hospital:{booked.hospital_ref}:{decided.refund_no}",
            )
        except Conflict as refused:
            # more than was paid: people must look at it, and the next look tries again
            log.error("a hospital's refund is refused", code=refused.code)
            return
    else:
        settled_at = app.clock.now()  # returned at the counter
    await HospitalRefund.create(
        using_db=tx,
        id=new_id(),
        intent_id=booked.intent_id,
        hospital_ref=booked.hospital_ref,
        refund_no=decided.refund_no,
        amount_fen=decided.amount_fen,
        reason_sealed=app.vault.encrypt(decided.reason, REASON),
        decided_at=decided.decided_at,
        refund_id=refund_id,
        returned_at=settled_at,
        settled_at=settled_at,
    )


async def settle(app: App, refund_id: UUID, deadline: Deadline) -> None:
    """Tell a hospital that a refund's money is back. Repeat-safe.

    Raises UpstreamError without an answer, GiveUp where the hospital says no.
    """
    row = await store.find_refund(refund_id)
    if row is None or row.returned_at is None or row.settled_at is not None:
        return
    try:
        await upstream.settle_refund(app, deadline, row.hospital_ref, row.refund_no, refund_id.hex)
    except UpstreamRejected as refusal:
        raise GiveUp(f"the hospital refuses with {refusal.status}") from None
    async with transaction() as tx:
        await store.mark_settled(tx, refund_id, app.clock.now())


def reason_of(app: App, refund: HospitalRefund) -> str:
    """Why a hospital gives something back, in its own words."""
    return app.vault.decrypt(bytes(refund.reason_sealed), REASON)


async def look_at_due(app: App, limit: int, deadline_s: float) -> int:
    """Look at every payment whose time has come; returns how many hospitals did not answer."""

    async def look_or_later(intent_id: UUID) -> None:
        try:
            await look(app, intent_id, Deadline.after(deadline_s))
        except Exception:
            await _later(app, intent_id)
            raise

    due = await store.list_due_payments(app.clock.now(), limit)
    return (await sweep(app, "health.refunds", due, look_or_later)).waiting


async def _later(app: App, intent_id: UUID) -> None:
    """Put a payment that cannot be looked at now behind the others."""
    async with transaction() as tx:
        locked = await store.lock_payment(tx, intent_id)
        wait = domain.next_look(locked.booked_at, app.clock.now())
        locked.look_at = None if wait is None else app.clock.now() + wait
        await locked.save(using_db=tx, update_fields=["look_at"])
