"""Commands and queries of riding: the ride code, the trips made with it, paying one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.errors import NotFound, Unavailable
from core.id_documents import EVERY_DOCUMENT
from core.people.personal_read import Access, Purpose, personal_read
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.standards.signed_code import ReaderKey, SignedCode, issue_code, reader_key
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading
from core.upstream.records import Records
from kinds.payment import find_payments, open_cashier
from modules.mobility import models
from modules.mobility.transit import domain, store, texts
from modules.mobility.transit.domain import Trip, TripStatus
from modules.mobility.transit.upstream import CLEARING, get_trip, list_trips, register_key
from payments import api as payments
from payments.api import ANYHOW, Wish

SERVICE = "transit-ride-code"
_RIDER = "mobility.rider"
_RIDER_DIGITS = 32
_REGISTER_EVERY = timedelta(minutes=1)

TRIPS = Purpose(
    id="mobility.transit-trips",
    upstream=CLEARING.name,
    fields=("trips", "fares"),
    text=texts.TRIPS_CONSENT,
    text_version="2026-11",
    documents=EVERY_DOCUMENT,
)


@dataclass(frozen=True, slots=True)
class ListedTrip:
    """A trip with our own id where it is unpaid, and the viewer's payment."""

    id: UUID | None
    trip: Trip
    payment: payments.Payment | None


@dataclass(frozen=True, slots=True)
class Trips:
    """A rider's trips, newest first, and how many cannot be read; what is unpaid over all of them,
    None where one cannot be read."""

    items: Sequence[ListedTrip]
    unreadable: int
    unpaid_fen: int | None


def rider_ref(app: App, citizen_id: UUID) -> str:
    """The pseudonym under which the gates know a rider: only this installation can make it."""
    return app.vault.blind_index(str(citizen_id), _RIDER).hex()[:_RIDER_DIGITS]


async def issue_ride_code(call: Call) -> SignedCode:
    """A code that opens one gate once within `domain.CODE_LIFE`; each call gives a new one.

    Raises LoginRequired below level 2, Unavailable while the gates cannot be told of its key.
    """
    app, citizen_id = call.app, call.require_viewer(2).user_id
    await app.once(_Gates, _Gates).learn(call, reader_key(app.tokens))
    subject = rider_ref(app, citizen_id)
    return issue_code(app.tokens, subject=subject, audience=domain.GATES, life=domain.CODE_LIFE)


class _Gates:
    """What this process has told the gates: which keys, and when last."""

    def __init__(self) -> None:
        self._told_at: dict[str, datetime] = {}

    async def learn(self, call: Call, key: ReaderKey) -> None:
        """Tell the gates of a key, again after a while: they may have been set up anew.

        Gates that know the key go on without fare clearing. Raises Unavailable before that.
        """
        now, told_at = call.app.clock.now(), self._told_at.get(key.kid)
        if told_at is not None and now - told_at < _REGISTER_EVERY:
            return
        try:
            await register_key(call.app, call.deadline.share(fraction=0.5), key)
        except UpstreamError:
            if told_at is None:
                raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.CLEARING) from None
            return
        self._told_at[key.kid] = now


async def read_trips(call: Call, *, first: int, only_unpaid: bool) -> Reading[Trips]:
    """The viewer's trips. Raises LoginRequired below level 2 and Forbidden without consent."""
    app = call.app

    async def fetch(access: Access) -> Records[Trip]:
        rider = rider_ref(app, access.person.id)
        reply = await list_trips(app, call.deadline, access, rider)
        unpaid = [t for t in reply.items if t.status is TripStatus.UNPAID and t.fare_fen]
        async with transaction() as tx:
            await store.note_unpaid(tx, access.person.id, unpaid, app.clock.now())
        return reply

    reading = await personal_read(call, service=SERVICE, purpose=TRIPS, fetch=fetch)
    if reading.value is None:
        return Reading(reading.status, None, reading.as_of, reading.reason)
    unpaid = [trip for trip in reading.records.items if trip.status is TripStatus.UNPAID]
    unpaid_fen = None if reading.unreadable else sum(trip.fare_fen or 0 for trip in unpaid)
    shown = (unpaid if only_unpaid else reading.records.items)[:first]
    trips = Trips(await _listed(call, shown), reading.unreadable, unpaid_fen)
    return Reading(reading.status, trips, reading.as_of, reading.reason)


async def _listed(call: Call, shown: Sequence[Trip]) -> Sequence[ListedTrip]:
    known = await store.list_known(call.subject_id, [trip.trip_no for trip in shown])
    rows: dict[str, models.Trip] = {row.trip_no: row for row in known}
    found = await find_payments(call, [row.intent_id for row in known])
    listed = []
    for trip in shown:
        row = rows.get(trip.trip_no)
        payment = found.get(row.intent_id) if row else None
        payable = row is not None and trip.status is TripStatus.UNPAID
        listed.append(ListedTrip(row.id if row and payable else None, trip, payment))
    return listed


async def pay(call: Call, trip_id: UUID, key: str, wish: Wish = ANYHOW) -> payments.Payment:
    """Begin to pay one of the viewer's unpaid trips and open the cashier as `wish` says.

    The same key gives the same payment. Raises NotFound, Conflict TRIP_PAID, PAYMENT_OPEN, others.
    """
    citizen_id = call.require_viewer(2).user_id
    trip = await store.find_trip(trip_id)
    if trip is None or trip.citizen_id != citizen_id:
        raise NotFound(NOT_FOUND)
    await _refresh(call, trip)
    async with transaction() as tx:
        intent_id = await payments.create_intent(
            call, tx, kind=domain.KIND, subject_ref=str(trip_id), key=key, wish=wish
        )
        await store.note_intent(tx, trip_id, intent_id)
    return await open_cashier(call, intent_id)


async def _refresh(call: Call, trip: models.Trip) -> None:
    """Ask whether the trip was paid elsewhere; a fare never changes, so silence does no harm."""
    try:
        reply = await get_trip(call.app, call.deadline.share(fraction=0.5), trip.trip_no)
    except UpstreamError:
        return
    if reply.status is TripStatus.PAID:
        async with transaction() as tx:
            await store.mark_paid(tx, trip.id, call.app.clock.now())
