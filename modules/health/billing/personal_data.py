"""What paying hospitals holds about a person: handing it out, forgetting it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.people.data_rights import Erasure, Export, Exported, Hold
from modules.health import texts
from modules.health.billing import refunds, store
from modules.health.models import HospitalBill, HospitalPayment, TopUp

_REFUNDABLE = timedelta(days=180)


async def _read(app: App, person_id: UUID) -> Exported:
    bills = await HospitalBill.filter(citizen_id=person_id).order_by("id")
    top_ups = await TopUp.filter(citizen_id=person_id).order_by("id")
    payments = await HospitalPayment.filter(payer_id=person_id).order_by("booked_at")
    given_back = [
        {
            "payment_id": str(row.intent_id),
            "amount_fen": row.amount_fen,
            "reason": refunds.reason_of(app, row),
            "decided_at": row.decided_at.isoformat(),
        }
        for payment in payments
        for row in await store.list_refunds(payment.intent_id)
    ]
    return Exported(
        {
            "hospital_bills": [
                {
                    "hospital": row.hospital_ref,
                    "bill_no": row.bill_no,
                    "self_pay_fen": row.self_pay_fen,
                    "status": row.status,
                }
                for row in bills
            ],
            "top_ups": [
                {
                    "hospital": row.hospital_ref,
                    "account_no": row.account_no,
                    "amount_fen": row.amount_fen,
                    "created_at": row.created_at.isoformat(),
                }
                for row in top_ups
            ],
            "hospital_payments": [
                {"payment_id": str(row.intent_id), "hospital": row.hospital_ref} for row in payments
            ],
            "hospital_refunds": given_back,
        }
    )


async def _holds(app: App, person_id: UUID) -> Sequence[Hold]:
    last = await HospitalPayment.filter(payer_id=person_id).order_by("-booked_at").first()
    if last is None or last.booked_at + _REFUNDABLE <= app.clock.now():
        return ()
    until_on = civil_date(last.booked_at + _REFUNDABLE)
    return (Hold("hospital payments", texts.HOLD_REFUNDS, until_on),)


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    """Bills and top-ups name nobody any more; a payment under way still finds its hospital."""
    await HospitalBill.filter(citizen_id=person_id).using_db(tx).update(citizen_id=None)
    await TopUp.filter(citizen_id=person_id).using_db(tx).update(citizen_id=None)


EXPORT = Export("health", _read)
ERASURE = Erasure("health", _holds, _erase)
