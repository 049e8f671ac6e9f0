"""The payments of things that are paid for: the viewer's own, and a cashier that is open."""

from uuid import UUID

from core.call import Call
from core.errors import NotFound
from payments import api as payments


async def find_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The payment, where it is the viewer's."""
    if intent_id is None:
        return None
    try:
        intent = await payments.get_payment(call, intent_id)
    except NotFound:
        return None
    return payments.to_payment(intent, call.locale)


async def find_open_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The same, only while its cashier takes money."""
    payment = await find_payment(call, intent_id)
    if payment is None or payment.status not in ("PREPARING", "AWAITING_PAYMENT"):
        return None
    return payment if call.app.clock.now() < payment.expires_at else None
