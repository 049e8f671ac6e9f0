"""What is due, asked under a consent, and the command that pays a bill."""

from core.context.call import Call
from core.database import transaction
from core.errors import NotFound
from core.people.personal_read import Purpose
from core.refusal_texts import NOT_FOUND
from kinds.lookup import PersonalLookup
from kinds.payment import open_cashier
from modules._example.payment import store, texts
from modules._example.payment.domain import KIND, SERVICE
from modules._example.payment.upstream import PAYEE, list_due
from payments import api as payments

PURPOSE = Purpose(
    id=SERVICE,
    upstream=PAYEE.name,
    fields=("bills",),
    text=texts.CONSENT,
    text_version="2026-11",
)
BILLS = PersonalLookup(SERVICE, PURPOSE, list_due)


async def pay(
    call: Call, bill_no: str, key: str, wish: payments.Wish | None = None
) -> payments.Payment:
    """Begin to pay one of the viewer's bills and open the cashier, as `wish` says if it can be.

    The same key gives the same payment. Raises NotFound for a bill that is not the viewer's,
    Forbidden without consent, Conflict for a paid one, PAYMENT_OPEN or KEY_REUSED, Unavailable
    where the payee does not say what is due.
    """
    citizen_id = call.require_viewer(2).user_id
    reading = await BILLS.read(call)
    due = next((due for due in reading.records.items if due.bill_no == bill_no), None)
    async with transaction() as tx:
        if due is not None and reading.as_of is not None:
            await store.note_bill(tx, citizen_id, due, reading.as_of)
        bill = await store.lock_bill(tx, citizen_id=citizen_id, bill_no=bill_no)
        if bill is None:
            raise NotFound(NOT_FOUND)
        intent_id = await payments.create_intent(
            call, tx, kind=KIND, subject_ref=str(bill.id), key=key, wish=wish
        )
        await store.update_bill(tx, bill.id, intent_id=intent_id)
    return await open_cashier(call, intent_id)
