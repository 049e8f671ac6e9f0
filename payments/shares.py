"""Asking for the city's share of an accepted payment, once, until it is known what became of it.

The functions that take a transaction are part of the caller's, which holds the payment's lock.
"""

from datetime import datetime
from uuid import UUID

import structlog

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.queue.jobs import EARLY_TOLERANCE, GiveUp, JobKind, job, require_due
from core.upstream.client import UpstreamError
from payments import store
from payments.domain import REFUND_WINDOW, next_look
from payments.events import Oddity, OddityFound, ShareEnded
from payments.ledger import store as ledger
from payments.ledger.accounts import fees_from, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.models import Intent
from payments.psp.partners import known_as
from payments.psp.sharing import ProfitSharing, ShareOrder, ShareState, ShareView
from payments.sharing import store as rows
from payments.sharing.domain import SHARE, SHARE_AFTER, SHARE_OPEN, SHARE_WINDOW, share_of
from payments.sharing.models import Share

CALL_S = 8.0
_REFUND_MONEY = JobKind[UUID]("payments.refund")
"""payments.saga, which imports this file."""
_EVENTS = {
    ShareState.PROCESSING: "accept",
    ShareState.SUCCEEDED: "succeed",
    ShareState.CLOSED: "close",
    ShareState.REFUSED: "refuse",
    ShareState.MISSING: "lose",
}
log = structlog.get_logger(__name__)


async def begin(app: App, tx: Transaction, intent: Intent, now: datetime) -> None:
    """Note what the city is to have of a payment that its payee accepts `now`, if anything."""
    if not intent.share_bps:
        return
    await Share.create(
        using_db=tx,
        id=intent.id,
        psp=known_as(intent.psp),
        receiver=app.upstream(ProfitSharing).receiver,
        amount_fen=share_of(intent.amount_fen, intent.share_bps),
        state="requested",
        created_at=now,
        due_at=now + SHARE_AFTER,
    )
    await step.enqueue(app, tx, intent.id, key=f"{intent.id}:0", after=SHARE_AFTER)


async def stop(app: App, tx: Transaction, intent: Intent) -> Share | None:
    """A refund comes: a share that was certainly not made is not asked for any more, and what is
    kept back is let go. Returns the share as it then is, None where there is none.
    """
    share = await rows.lock_share(tx, intent.id) if intent.share_bps else None
    if share is None or not (share.state == "refused" or _is_untold(share)):
        return share
    now = app.clock.now()
    share.state, share.due_at = SHARE.next_state(share.state, "cancel"), now
    await share.save(using_db=tx, update_fields=["state", "due_at"])
    await step.enqueue(app, tx, share.id, key=f"{share.id}:release")
    return share


def _is_untold(share: Share) -> bool:
    return share.state == "requested" and share.attempts == 0


@job("payments.share", timeout_s=20)
async def step(app: App, share_id: UUID) -> None:
    """Carry a share on until it is made or is none, or the release of what is kept back.

    Raises GiveUp where the PSP refuses it: people are told by a case, and the job stands among the
    dead letters; running it again asks again.
    """
    found = await rows.find_share(share_id)
    if found is None or found.state not in SHARE_OPEN | {"refused", "releasing"}:
        return
    require_due(app.clock, found.due_at, EARLY_TOLERANCE)
    share = await _announce(app, share_id)
    if share is None:
        return
    intent = await store.get_intent(share_id)
    if share.state == "releasing":
        await _release(app, intent, share)
        return
    view = ShareView(ShareState.MISSING)
    try:
        view = await _ask(app, intent, share)
    except UpstreamError as error:
        log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    async with transaction() as tx:
        share = await apply(app, tx, share_id, view)
        if share.state in SHARE_OPEN:
            await _look_again(app, tx, intent, share)
    if share.state == "refused":
        raise GiveUp("the PSP refuses this share")


async def _announce(app: App, share_id: UUID) -> Share | None:
    """Count a try before it is made; None where there is nothing to be asked any more. One that was
    refused is due again: the sweep sees it."""
    async with transaction() as tx:
        await store.lock_intent(tx, share_id)
        share = await rows.lock_share(tx, share_id)
        assert share is not None
        if share.state == "refused":
            share.state, share.due_at = SHARE.next_state(share.state, "retry"), app.clock.now()
        if share.state not in SHARE_OPEN | {"releasing"}:
            return None
        share.attempts += 1
        await share.save(using_db=tx, update_fields=["state", "attempts", "due_at"])
    return share


async def _ask(app: App, intent: Intent, share: Share) -> ShareView:
    psp, order, deadline = app.upstream(ProfitSharing), order_of(intent, share), _soon()
    if share.attempts > 1:
        view = await psp.find_share(order, deadline)
        if view.state is not ShareState.MISSING:
            return view
    return await psp.share(order, deadline)


def order_of(intent: Intent, share: Share) -> ShareOrder:
    """What the PSP is told of a share."""
    assert intent.psp_ref is not None and intent.merchant is not None
    return ShareOrder(intent.id, intent.psp_ref, intent.merchant, share.receiver, share.amount_fen)


def _soon() -> Deadline:
    return Deadline.after(CALL_S)


async def apply(app: App, tx: Transaction, share_id: UUID, view: ShareView) -> Share:
    """Take note of what the PSP says of a share. Repeat-safe."""
    intent = await store.lock_intent(tx, share_id)
    share = await rows.lock_share(tx, share_id)
    assert intent is not None and share is not None
    if not await rows.note(tx, share, _EVENTS[view.state], view, app.clock.now()):
        return share
    if share.state == "succeeded":
        await _post(app, tx, intent, share)
    elif share.state in ("closed", "refused"):
        is_closed = share.state == "closed"
        oddity = Oddity.SHARE_CLOSED if is_closed else Oddity.SHARE_REFUSED
        await _report(app, tx, intent, share, oddity)
        if is_closed:
            await app.events.publish(tx, ShareEnded(intent.id, 0))
    if share.state not in SHARE_OPEN:
        await wake_refunds(app, tx, intent.id)
    return share


async def _post(app: App, tx: Transaction, intent: Intent, share: Share) -> None:
    assert share.ended_at is not None
    posting = Posting(
        kind="share",
        key=f"share:{share.id}",
        intent_id=intent.id,
        legs=transfer(
            debit=psp_receivable(share.psp),
            credit=fees_from(intent.payee),
            amount_fen=share.amount_fen,
        ),
    )
    await ledger.post(tx, posting, share.ended_at)
    await app.events.publish(tx, ShareEnded(intent.id, share.amount_fen))


async def wake_refunds(app: App, tx: Transaction, intent_id: UUID) -> None:
    """Have the refunds that waited for a share or its return go on."""
    now = app.clock.now()
    for refund_id in await rows.wake_refunds(tx, intent_id, now):
        key = f"{refund_id}:{now.timestamp()}"
        await _REFUND_MONEY.enqueue(app, tx, refund_id, key=key)


async def _look_again(app: App, tx: Transaction, intent: Intent, share: Share) -> None:
    now = app.clock.now()
    if now - share.created_at >= SHARE_WINDOW:
        await _report(app, tx, intent, share, Oddity.SHARE_OVERDUE)
    wait = next_look(share.attempts - 1)
    share.due_at = now + wait
    await share.save(using_db=tx, update_fields=["due_at"])
    await step.enqueue(app, tx, share.id, key=f"{share.id}:{share.attempts}", after=wait)


async def _release(app: App, intent: Intent, share: Share) -> None:
    """Let go what is kept back of a payment that is not shared, once its refunds have taken theirs.

    A refund takes what is kept back first; of one that the PSP does not make for a week nothing
    more is expected.
    """
    is_done = intent.refunded_fen == intent.captured_fen
    since = app.clock.now() - REFUND_WINDOW
    if not is_done and not await store.has_open_refund(intent.id, since):
        try:
            is_done = await app.upstream(ProfitSharing).release(order_of(intent, share), _soon())
        except UpstreamError as error:
            log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    async with transaction() as tx:
        await store.lock_intent(tx, share.id)
        locked = await rows.lock_share(tx, share.id)
        assert locked is not None
        if locked.state != "releasing":
            return
        if not is_done:
            await _look_again(app, tx, intent, locked)
            return
        locked.state, locked.due_at = SHARE.next_state(locked.state, "release"), None
        await locked.save(using_db=tx, update_fields=["state", "due_at"])
        await app.events.publish(tx, ShareEnded(share.id, 0))


async def _report(app: App, tx: Transaction, intent: Intent, share: Share, oddity: Oddity) -> None:
    """Tell people of a share that is not made."""
    await app.events.publish(
        tx,
        OddityFound(
            oddity,
            intent.psp,
            intent.id,
            intent.payee,
            intent.id.hex,
            share.psp_ref,
            share.amount_fen,
            None,
            civil_date(share.created_at),
            share.reason,
        ),
    )
