"""Every query of traffic fines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, fetch_all
from core.ids import new_id
from modules.mobility.fines.domain import FineStatus, Order, Violation
from modules.mobility.models import Fine

_NAME_MAX = 64


async def note_violations(
    tx: Transaction,
    citizen_id: UUID,
    violations: Sequence[Violation],
    orders: Mapping[str, Order],
    now: datetime,
) -> Mapping[str, UUID]:
    """Keep what the police told of a citizen's violations and the platform of their orders.

    Returns their ids by violation number. What was told earlier never replaces what was told
    later, but for whose it is.
    """
    listed = [orders.get(violation.violation_no) for violation in violations]
    rows = await fetch_all(
        tx,
        """INSERT INTO mobility_fine AS f
             (id, citizen_id, violation_no, order_no, offence_zh, offence_en, total_fen, status,
              seen_at)
           SELECT DISTINCT ON (v) i, $1, v, o, zh, en, t, s, $9
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                         $8::text[]) AS told (i, v, o, zh, en, t, s)
            ORDER BY v
           ON CONFLICT (violation_no) DO UPDATE
              SET citizen_id = $1,
                  order_no = coalesce(EXCLUDED.order_no, f.order_no),
                  total_fen = CASE WHEN f.seen_at <= $9 THEN EXCLUDED.total_fen
                                   ELSE f.total_fen END,
                  status = CASE WHEN f.seen_at <= $9 THEN EXCLUDED.status ELSE f.status END,
                  seen_at = greatest(f.seen_at, $9)
           RETURNING id, violation_no""",
        citizen_id,
        [new_id() for _ in violations],
        [violation.violation_no for violation in violations],
        [violation.order_no for violation in violations],
        [violation.offence_zh[:_NAME_MAX] for violation in violations],
        [violation.offence_en[:_NAME_MAX] for violation in violations],
        [None if order is None else order.total_fen for order in listed],
        [
            (violation if order is None else order).status.value
            for violation, order in zip(violations, listed, strict=True)
        ],
        now,
    )
    return {row["violation_no"]: row["id"] for row in rows}


async def note_order(tx: Transaction, fine_id: UUID, order: Order, now: datetime) -> None:
    """Keep what the platform told of an order, unless something was told later."""
    await (
        Fine.filter(id=fine_id, seen_at__lte=now)
        .using_db(tx)
        .update(total_fen=order.total_fen, status=order.status.value, seen_at=now)
    )


async def find_fine(fine_id: UUID) -> Fine | None:
    """A fine by id."""
    return await Fine.get_or_none(id=fine_id)


async def lock_fine(tx: Transaction, fine_id: UUID) -> Fine | None:
    """A fine by id, locked until the transaction ends."""
    return await Fine.filter(id=fine_id).using_db(tx).select_for_update().first()


async def list_fines(citizen_id: UUID) -> Sequence[Fine]:
    """What is known of a citizen's fines."""
    return await Fine.filter(citizen_id=citizen_id).order_by("id")


async def note_intent(tx: Transaction, fine_id: UUID, intent_id: UUID) -> None:
    """Note the payment that was begun for a fine."""
    await Fine.filter(id=fine_id).using_db(tx).update(intent_id=intent_id)


async def note_paid(tx: Transaction, fine_id: UUID, receipt_no: str, now: datetime) -> None:
    """Note that the platform has booked a payment, and its receipt."""
    await (
        Fine.filter(id=fine_id)
        .using_db(tx)
        .update(status=FineStatus.SETTLED.value, receipt_no=receipt_no, seen_at=now)
    )


async def mark(tx: Transaction, fine_id: UUID, status: FineStatus, now: datetime) -> None:
    """Note what a refused payment told of an order."""
    await Fine.filter(id=fine_id).using_db(tx).update(status=status.value, seen_at=now)
