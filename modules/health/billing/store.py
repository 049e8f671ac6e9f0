"""Every query of hospital bills, deposits and their refunds."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.database import Transaction, fetch_all, fetch_one
from core.ids import new_id
from modules.health.billing.domain import HospitalBill as ToldBill
from modules.health.models import HospitalBill, HospitalPayment, HospitalRefund, TopUp


async def note_bills(
    tx: Transaction, citizen_id: UUID, hospital_ref: str, bills: Sequence[ToldBill], now: datetime
) -> Mapping[str, UUID]:
    """Keep what a hospital told of a person's bills; returns their ids by bill number.

    What was told earlier never replaces what was told later.
    """
    rows = await fetch_all(
        tx,
        """INSERT INTO health_bill AS b
             (id, citizen_id, hospital_ref, bill_no, self_pay_fen, status, seen_at)
           SELECT DISTINCT ON (n) i, $1, $2, n, a, s, $7
             FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[]) AS told (i, n, a, s)
            ORDER BY n
           ON CONFLICT (hospital_ref, bill_no) DO UPDATE
              SET citizen_id = EXCLUDED.citizen_id,
                  self_pay_fen = CASE WHEN b.seen_at <= $7 THEN EXCLUDED.self_pay_fen
                                      ELSE b.self_pay_fen END,
                  status = CASE WHEN b.seen_at <= $7 THEN EXCLUDED.status ELSE b.status END,
                  seen_at = greatest(b.seen_at, $7)
           RETURNING id, bill_no""",
        citizen_id,
        hospital_ref,
        [new_id() for _ in bills],
        [bill.bill_no for bill in bills],
        [bill.self_pay_fen for bill in bills],
        [bill.status.value for bill in bills],
        now,
    )
    return {row["bill_no"]: row["id"] for row in rows}


async def find_bill(bill_id: UUID) -> HospitalBill | None:
    """A bill by id."""
    return await HospitalBill.get_or_none(id=bill_id)


async def lock_bill(tx: Transaction, bill_id: UUID) -> HospitalBill | None:
    """A bill by id, locked until the transaction ends."""
    return await HospitalBill.filter(id=bill_id).using_db(tx).select_for_update().first()


async def mark_bill(tx: Transaction, bill_id: UUID, status: str, now: datetime) -> None:
    """Note what has become of a bill."""
    await HospitalBill.filter(id=bill_id).using_db(tx).update(status=status, seen_at=now)


async def insert_top_up(
    tx: Transaction,
    top_up_id: UUID,
    citizen_id: UUID,
    hospital_ref: str,
    account_no: str,
    amount_fen: int,
    now: datetime,
) -> None:
    """Note what is to be paid into a deposit."""
    await TopUp.create(
        using_db=tx,
        id=top_up_id,
        citizen_id=citizen_id,
        hospital_ref=hospital_ref,
        account_no=account_no,
        amount_fen=amount_fen,
        created_at=now,
    )


async def find_top_up(top_up_id: UUID) -> TopUp | None:
    """A top-up by id."""
    return await TopUp.get_or_none(id=top_up_id)


async def lock_top_up(tx: Transaction, top_up_id: UUID) -> TopUp | None:
    """A top-up by id, locked until the transaction ends."""
    return await TopUp.filter(id=top_up_id).using_db(tx).select_for_update().first()


async def note_payment(
    tx: Transaction,
    intent_id: UUID,
    payer_id: UUID,
    hospital_ref: str,
    now: datetime,
    wait: timedelta | None,
) -> None:
    """Note that a hospital has booked a payment. Repeat-safe."""
    await tx.execute_query(
        """INSERT INTO health_payment (intent_id, payer_id, hospital_ref, booked_at, look_at)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (intent_id) DO NOTHING""",
        [intent_id, payer_id, hospital_ref, now, None if wait is None else now + wait],
    )


async def find_payment(intent_id: UUID) -> HospitalPayment | None:
    """A booked payment."""
    return await HospitalPayment.get_or_none(intent_id=intent_id)


async def lock_payment(tx: Transaction, intent_id: UUID) -> HospitalPayment:
    """A booked payment, locked until the transaction ends."""
    return await HospitalPayment.filter(intent_id=intent_id).using_db(tx).select_for_update().get()


async def list_due_payments(now: datetime, limit: int) -> Sequence[UUID]:
    """Payments that are to be asked for, the longest overdue first."""
    rows = HospitalPayment.filter(look_at__lte=now).order_by("look_at").limit(limit)
    return [row.intent_id for row in await rows]


async def looked(
    tx: Transaction, payment: HospitalPayment, now: datetime, wait: timedelta | None
) -> None:
    """Note that the hospital was asked, and when to ask again."""
    payment.looked_at = now
    payment.look_at = None if wait is None else now + wait
    await payment.save(using_db=tx, update_fields=["looked_at", "look_at"])


async def has_refund(tx: Transaction, hospital_ref: str, refund_no: str) -> bool:
    """Whether a hospital's decision is known already."""
    found = HospitalRefund.filter(hospital_ref=hospital_ref, refund_no=refund_no)
    return await found.using_db(tx).exists()


async def list_refunds(intent_id: UUID) -> Sequence[HospitalRefund]:
    """What a hospital has given back of a payment, in the order of its decisions."""
    return await HospitalRefund.filter(intent_id=intent_id).order_by("decided_at", "refund_no")


async def find_refund(refund_id: UUID) -> HospitalRefund | None:
    """A refund by our own refund's id."""
    return await HospitalRefund.get_or_none(refund_id=refund_id)


async def mark_returned(tx: Transaction, refund_id: UUID, now: datetime) -> bool:
    """Note that a refund's money is back; False where that is known or not a hospital's."""
    row = await fetch_one(
        tx,
        """UPDATE health_refund SET returned_at = $2
            WHERE refund_id = $1 AND returned_at IS NULL RETURNING id""",
        refund_id,
        now,
    )
    return row is not None


async def mark_settled(tx: Transaction, refund_id: UUID, now: datetime) -> None:
    """Note that the hospital knows that the money is back."""
    rows = HospitalRefund.filter(refund_id=refund_id, settled_at=None)
    await rows.using_db(tx).update(settled_at=now)


async def list_unsettled(after: UUID, limit: int) -> Sequence[UUID]:
    """Our refunds whose money is back and whose hospital does not know it yet, in their order."""
    due = HospitalRefund.filter(returned_at__isnull=False, settled_at=None, refund_id__gt=after)
    return await due.order_by("refund_id").limit(limit).values_list("refund_id", flat=True)  # type: ignore[return-value]
