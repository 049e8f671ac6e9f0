"""Every query on shares and their returns. Lock a share's payment before the share."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, fetch_all, fetch_model
from payments.psp.sharing import ReturnView, ShareView
from payments.sharing.domain import SHARE, SHARE_OPEN, SHARE_RETURN
from payments.sharing.models import Share, ShareReturn


async def find_share(share_id: UUID) -> Share | None:
    """A share as it is committed."""
    return await Share.get_or_none(id=share_id)


async def lock_share(tx: Transaction, share_id: UUID) -> Share | None:
    """A share, locked until the transaction ends."""
    return await fetch_model(tx, Share, "WHERE id = $1 FOR UPDATE", share_id)


async def find_return(return_id: UUID) -> ShareReturn | None:
    """A return as it is committed."""
    return await ShareReturn.get_or_none(id=return_id)


async def lock_return(tx: Transaction, return_id: UUID) -> ShareReturn | None:
    """A return, locked until the transaction ends."""
    return await fetch_model(tx, ShareReturn, "WHERE id = $1 FOR UPDATE", return_id)


async def lock_returns_of(tx: Transaction, refund_id: UUID) -> Sequence[ShareReturn]:
    """The returns for a refund, all but the last of them failed; locked."""
    returns = ShareReturn.filter(refund_id=refund_id).using_db(tx)
    return await returns.order_by("created_at", "id").select_for_update()


async def note(
    tx: Transaction,
    row: Share | ShareReturn,
    event: str,
    view: ShareView | ReturnView,
    now: datetime,
) -> bool:
    """Write what the PSP has told of a share or return, which is locked, as it was at `now`.

    False, and nothing done, where that is no news. A journal of it is posted after: it seals the
    row.
    """
    machine = SHARE if isinstance(row, Share) else SHARE_RETURN
    if not machine.allows(row.state, event):
        return False
    row.state = machine.next_state(row.state, event)
    row.psp_ref, row.reason = view.psp_ref or row.psp_ref, view.reason
    if row.state not in SHARE_OPEN:
        row.due_at = None
    if row.state == "succeeded":
        row.ended_at = now
    columns = ["state", "psp_ref", "reason", "due_at", "ended_at"]
    await row.save(using_db=tx, update_fields=columns)
    return True


async def list_overdue_shares(before: datetime, after: UUID, limit: int) -> Sequence[Share]:
    """Shares that nobody looked at when it was due, in the order of their ids."""
    return await Share.filter(due_at__lt=before, id__gt=after).order_by("id").limit(limit)


async def list_overdue_returns(before: datetime, after: UUID, limit: int) -> Sequence[ShareReturn]:
    """Returns that nobody looked at when it was due, in the order of their ids."""
    return await ShareReturn.filter(due_at__lt=before, id__gt=after).order_by("id").limit(limit)


async def wake_refunds(tx: Transaction, intent_id: UUID, now: datetime) -> list[UUID]:
    """Make the refunds of a payment due now that have not been asked for yet; returns them."""
    rows = await fetch_all(
        tx,
        """UPDATE payments_refund SET due_at = $2
            WHERE intent_id = $1 AND state = 'requested' AND attempts = 0 RETURNING id""",
        intent_id,
        now,
    )
    return [row["id"] for row in rows]
