"""The payments of things that are paid for: the viewer's own, and a cashier that is open."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from core.context.call import Call
from payments import api as payments


async def find_payments(
    call: Call, intent_ids: Iterable[UUID | None]
) -> Mapping[UUID | None, payments.Payment]:
    """Those of these payments that are the viewer's, by id; asked for all at once."""
    known = await payments.find_payments(call, {one for one in intent_ids if one is not None})
    return {one: payments.to_payment(intent, call.locale) for one, intent in known.items()}


async def find_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The payment, where it is the viewer's."""
    return (await find_payments(call, [intent_id])).get(intent_id)


async def find_open_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The same, only while its cashier takes money."""
    payment = await find_payment(call, intent_id)
    if payment is None or payment.status not in ("PREPARING", "AWAITING_PAYMENT"):
        return None
    return payment if call.app.clock.now() < payment.expires_at else None
