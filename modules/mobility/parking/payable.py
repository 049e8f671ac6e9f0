"""A stay as a payable: what is due, and how the operator is told that it is paid.

Real-time posting: the driver waits at the barrier, and the operator can be asked.
"""

from uuid import UUID

from core.clock import SHANGHAI
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from kinds.payment import Ending, Endings, Values, book, ending_templates, find_open_payment
from modules.mobility.models import ParkingCharge
from modules.mobility.parking import domain, store, texts
from modules.mobility.parking.upstream import STAYS, StayReceipt
from payments.api import Accepted, Fulfilment, Paid, Payable, Posting, Quote


async def quote(call: Call, tx: Transaction, charge_id: str) -> Quote:
    """What is due for a charge, which stays locked: of the viewer's open cashier what it says.

    Raises NotFound, Conflict NOTHING_DUE or STAY_MOVED_ON, Unavailable where the operator would
    not take the amount any more by the time the cashier closes.
    """
    charge = await store.lock_charge(tx, UUID(charge_id))
    if charge is None:
        raise NotFound(NOT_FOUND)
    if await store.has_later_charge(tx, charge):
        raise Conflict(texts.STAY_MOVED_ON)
    open_ = await find_open_payment(call, charge.intent_id)
    if open_ is not None:
        return _quote(charge, open_.amount)
    if charge.amount_fen == 0:
        raise Conflict(texts.NOTHING_DUE)
    if not domain.is_held(charge.quote_holds_until, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.OPERATOR)
    return _quote(charge, charge.amount_fen)


def _quote(charge: ParkingCharge, amount_fen: int) -> Quote:
    since = f"{charge.entered_at.astimezone(SHANGHAI):%m-%d %H:%M}"
    return Quote(amount_fen, "parking", f"停车费({since} 入场)", f"Parking since {since}")


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Tell the operator, and note until when the car may drive out. Repeat-safe."""
    charge = await store.find_charge(UUID(paid.subject_ref))
    assert charge is not None
    outcome = await book(app, STAYS, charge.session_ref, paid)
    if not isinstance(outcome, StayReceipt):
        return outcome
    async with transaction() as tx:
        await store.note_exit_by(tx, charge.id, outcome.exit_by)
    return Accepted(outcome.receipt_no)


async def note(_app: App, _tx: Transaction, ending: Ending) -> Values:
    """Until when the car may drive out, where the operator has said so."""
    charge = await store.find_charge(UUID(ending.subject_ref))
    assert charge is not None
    if charge.exit_by is None:
        return {}
    return {"exit_by": f"{charge.exit_by.astimezone(SHANGHAI):%H:%M}"}


PARKING = Payable(kind=domain.KIND, quote=quote, fulfil=fulfil, posting=Posting.REAL_TIME)
ENDINGS = Endings(kinds=(domain.KIND,), templates="mobility.parking-", note=note)
MESSAGES = ending_templates(
    "mobility.parking-",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
)
