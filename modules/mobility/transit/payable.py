"""An unpaid trip as a payable.

Deemed-plus posting: a fare is a few yuan, and clearing takes payments in its own time. It is told
five times within a day; then the money goes back, and the trip is unpaid again.
"""

from uuid import UUID

from core.clock import SHANGHAI
from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.errors import Conflict, NotFound
from core.refusal_texts import NOT_FOUND
from core.texts import Locale, Text
from kinds.payment import Ending, Endings, Receipt, Values, book, ending_templates
from modules.mobility.models import Trip
from modules.mobility.transit import domain, store, texts
from modules.mobility.transit.domain import TripMode, TripStatus
from modules.mobility.transit.upstream import FARES
from payments.api import Accepted, Fulfilment, Paid, Payable, Posting, Quote
from payments.events import PaymentFulfilled, PaymentRefused


async def quote(call: Call, tx: Transaction, trip_id: str) -> Quote:
    """The fare of a trip, which stays locked. Raises NotFound, Conflict TRIP_PAID."""
    trip = await store.lock_trip(tx, UUID(trip_id))
    if trip is None or trip.citizen_id != call.require_viewer(2).user_id:
        raise NotFound(NOT_FOUND)
    if trip.status == TripStatus.PAID:
        raise Conflict(texts.TRIP_PAID)
    title_zh, title_en = (f"{name(trip).say(locale)} {since(trip)}" for locale in Locale)
    return Quote(trip.fare_fen, "fare", title_zh, title_en)


def name(trip: Trip) -> Text:
    """What was ridden."""
    return texts.BUS if trip.mode == TripMode.BUS else texts.METRO


def since(trip: Trip) -> str:
    """When it began, in Shanghai."""
    return f"{trip.entered_at.astimezone(SHANGHAI):%m-%d %H:%M}"


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Tell fare clearing. Repeat-safe."""
    trip = await store.find_trip(UUID(paid.subject_ref))
    assert trip is not None
    outcome = await book(app, FARES, trip.trip_no, paid)
    return Accepted(outcome.receipt_no) if isinstance(outcome, Receipt) else outcome


async def note(app: App, tx: Transaction, ending: Ending) -> Values:
    """Keep a trip as paid once fare clearing has it as paid; says what was ridden, and when it
    began."""
    match ending:
        case PaymentFulfilled() | PaymentRefused(reason="ALREADY_PAID"):
            await store.mark_paid(tx, UUID(ending.subject_ref), app.clock.now())
    trip = await store.find_trip(UUID(ending.subject_ref))
    assert trip is not None
    return {"name": name(trip), "since": since(trip)}


TRIP = Payable(kind=domain.KIND, quote=quote, fulfil=fulfil, posting=Posting.DEEMED_PLUS)
ENDINGS = Endings(kinds=(domain.KIND,), templates="mobility.trip-", note=note)
MESSAGES = ending_templates(
    "mobility.trip-",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
)
