"""What of a share goes back to the payee's merchant before a refund, which waits for it."""

from uuid import UUID

import structlog

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.queue.jobs import EARLY_TOLERANCE, GiveUp, JobKind, job, require_due
from core.upstream.client import UpstreamError
from payments import shares, store
from payments.domain import REFUND_OPEN, REFUND_WINDOW, SHORT_FOR, next_look
from payments.events import Oddity, OddityFound
from payments.ledger import store as ledger
from payments.ledger.accounts import fees_from, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.models import Intent, Refund
from payments.oddities import report_refund
from payments.psp.sharing import ProfitSharing, ReturnOrder, ReturnState, ReturnView
from payments.sharing import store as rows
from payments.sharing.domain import RETURN_LOOK, RETURN_OPEN, SHARE_OPEN, SHARE_RETURN
from payments.sharing.models import Share, ShareReturn

_REFUND_MONEY = JobKind[UUID]("payments.refund")
"""payments.saga, which imports this file."""
_EVENTS = {
    ReturnState.PROCESSING: "accept",
    ReturnState.SUCCEEDED: "succeed",
    ReturnState.FAILED: "fail",
    ReturnState.SHORT: "lose",
    ReturnState.MISSING: "lose",
}
log = structlog.get_logger(__name__)


async def keeps_waiting(app: App, intent: Intent, refund: Refund) -> bool:
    """Whether a refund that was never asked for has to wait: for what has become of the share, or
    for its part of it to come back, which is asked for here. Repeat-safe.

    It looks again by itself, and is told once it may go on.
    """
    if not intent.share_bps or refund.attempts or refund.psp != intent.psp:
        return False
    async with transaction() as tx:
        locked = await store.lock_intent(tx, intent.id)
        assert locked is not None
        share = await shares.stop(app, tx, locked)
        if share is None or not await _is_awaited(app, tx, share, refund):
            return False
        await _look_later(app, tx, locked, refund.id)
    return True


async def _is_awaited(app: App, tx: Transaction, share: Share, refund: Refund) -> bool:
    if share.state != "succeeded" or not refund.share_fen:
        return share.state in SHARE_OPEN
    known = await rows.lock_returns_of(tx, refund.id)
    if not known:
        await _insert(app, tx, share.id, refund)
        return True
    return known[-1].state not in ("succeeded", "waived")


async def _look_later(app: App, tx: Transaction, intent: Intent, refund_id: UUID) -> None:
    refund = await store.lock_refund(tx, refund_id)
    assert refund is not None
    now = app.clock.now()
    if now - refund.created_at >= REFUND_WINDOW:
        await report_refund(app, tx, intent, refund, Oddity.REFUND_OVERDUE)
    refund.due_at = now + RETURN_LOOK
    await refund.save(using_db=tx, update_fields=["due_at"])
    key = f"{refund_id}:{refund.due_at.timestamp()}"
    await _REFUND_MONEY.enqueue(app, tx, refund_id, key=key, after=RETURN_LOOK)


async def _insert(app: App, tx: Transaction, share_id: UUID, refund: Refund) -> None:
    now = app.clock.now()
    made = await ShareReturn.create(
        using_db=tx,
        id=new_id(),
        share_id=share_id,
        refund_id=refund.id,
        amount_fen=refund.share_fen,
        state="requested",
        created_at=now,
        due_at=now,
    )
    await step.enqueue(app, tx, made.id)


@job("payments.return_share", timeout_s=20)
async def step(app: App, return_id: UUID) -> None:
    """Carry a return on until the payee's merchant has it; then its refund goes on.

    Raises GiveUp where the PSP refuses, or our merchant has had too little there for three days:
    people are told by a case, and the job stands among the dead letters; running it again asks
    for another return.
    """
    found = await rows.find_return(return_id)
    if found is None or found.state not in RETURN_OPEN | {"failed"}:
        return
    if found.state == "failed":
        await _begin_anew(app, found)
        return
    require_due(app.clock, found.due_at, EARLY_TOLERANCE)
    intent = await store.get_intent(found.share_id)
    attempt = await _announce(return_id)
    view = ReturnView(ReturnState.MISSING)
    try:
        view = await _ask(app, intent, found, attempt)
    except UpstreamError as error:
        log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    if view.state is ReturnState.SHORT and app.clock.now() - found.created_at >= SHORT_FOR:
        view = ReturnView(ReturnState.FAILED, reason=view.reason)
    async with transaction() as tx:
        noted = await apply(app, tx, return_id, view)
        if noted.state in RETURN_OPEN:
            wait = next_look(attempt)
            noted.due_at = app.clock.now() + wait
            await noted.save(using_db=tx, update_fields=["due_at"])
            await step.enqueue(app, tx, return_id, key=f"{return_id}:{attempt}", after=wait)
    if noted.state == "failed":
        raise GiveUp("the PSP refuses this return")


async def _begin_anew(app: App, failed: ShareReturn) -> None:
    """Another return for a refund that still waits; its predecessor has failed for good."""
    async with transaction() as tx:
        await store.lock_intent(tx, failed.share_id)
        refund = await store.lock_refund(tx, failed.refund_id)
        known = await rows.lock_returns_of(tx, failed.refund_id)
        assert refund is not None
        if known[-1].state == "failed" and refund.state in REFUND_OPEN and not refund.attempts:
            await _insert(app, tx, failed.share_id, refund)


async def _announce(return_id: UUID) -> int:
    """Count a try before it is made; returns how many there were."""
    async with transaction() as tx:
        locked = await rows.lock_return(tx, return_id)
        assert locked is not None
        attempt: int = locked.attempts
        locked.attempts = attempt + 1
        await locked.save(using_db=tx, update_fields=["attempts"])
    return attempt


async def _ask(app: App, intent: Intent, found: ShareReturn, attempt: int) -> ReturnView:
    share = await rows.find_share(found.share_id)
    assert share is not None
    psp, deadline = app.upstream(ProfitSharing), Deadline.after(shares.CALL_S)
    order = ReturnOrder(found.id, shares.order_of(intent, share), found.amount_fen)
    if attempt:
        view = await psp.find_return(order, deadline)
        if view.state is not ReturnState.MISSING:
            return view
    return await psp.give_back(order, deadline)


async def apply(app: App, tx: Transaction, return_id: UUID, view: ReturnView) -> ShareReturn:
    """Take note of what the PSP says of a return. Repeat-safe."""
    found = await rows.find_return(return_id)
    assert found is not None
    intent = await store.lock_intent(tx, found.share_id)
    share = await rows.lock_share(tx, found.share_id)
    locked = await rows.lock_return(tx, return_id)
    assert intent is not None and share is not None and locked is not None
    if not await rows.note(tx, locked, _EVENTS[view.state], view, app.clock.now()):
        return locked
    if locked.state == "succeeded":
        await _post(tx, intent, share, locked)
        await shares.wake_refunds(app, tx, intent.id)
    elif locked.state == "failed":
        await _report(app, tx, intent, locked)
    return locked


async def _post(tx: Transaction, intent: Intent, share: Share, returned: ShareReturn) -> None:
    assert returned.ended_at is not None
    posting = Posting(
        kind="share_return",
        key=f"share_return:{returned.id}",
        intent_id=intent.id,
        legs=transfer(
            debit=fees_from(intent.payee),
            credit=psp_receivable(share.psp),
            amount_fen=returned.amount_fen,
        ),
    )
    await ledger.post(tx, posting, returned.ended_at)


async def waive(app: App, tx: Transaction, refund_id: UUID) -> bool:
    """Let a refund go on whose return is refused: the city keeps that part of its share.

    False, and nothing done, where no return of it is refused.
    """
    found = await store.find_refund(refund_id, tx)
    if found is None:
        return False
    await store.lock_intent(tx, found.intent_id)
    known = await rows.lock_returns_of(tx, refund_id)
    if not known or known[-1].state != "failed":
        return False
    known[-1].state = SHARE_RETURN.next_state("failed", "waive")
    await known[-1].save(using_db=tx, update_fields=["state"])
    await shares.wake_refunds(app, tx, found.intent_id)
    return True


async def _report(app: App, tx: Transaction, intent: Intent, returned: ShareReturn) -> None:
    """Tell people of a return that is not made, by the refund that waits for it."""
    await app.events.publish(
        tx,
        OddityFound(
            Oddity.RETURN_REFUSED,
            intent.psp,
            intent.id,
            intent.payee,
            returned.refund_id.hex,
            returned.psp_ref,
            returned.amount_fen,
            None,
            civil_date(returned.created_at),
            returned.reason,
        ),
    )
