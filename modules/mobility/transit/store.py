"""Every query of unpaid trips."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction
from core.ids import new_id
from modules.mobility.models import Trip
from modules.mobility.transit import domain
from modules.mobility.transit.domain import TripStatus


async def note_unpaid(
    tx: Transaction, citizen_id: UUID, trips: Sequence[domain.Trip], now: datetime
) -> None:
    """Keep what is unpaid among a citizen's trips; a trip that is known stays as it is."""
    await tx.execute_query(
        """INSERT INTO mobility_trip
             (id, citizen_id, trip_no, mode, entered_at, fare_fen, status, seen_at)
           SELECT i, $1, n, m, e, f, 'UNPAID', $7
             FROM unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])
               AS told (i, n, m, e, f)
            ORDER BY n
           ON CONFLICT (trip_no) DO NOTHING""",
        [
            citizen_id,
            [new_id() for _ in trips],
            [trip.trip_no for trip in trips],
            [trip.mode.value for trip in trips],
            [trip.entered_at for trip in trips],
            [trip.fare_fen for trip in trips],
            now,
        ],
    )


async def list_known(citizen_id: UUID, trip_nos: Sequence[str]) -> Sequence[Trip]:
    """The trips among these that are kept."""
    return await Trip.filter(citizen_id=citizen_id, trip_no__in=list(trip_nos))


async def list_trips(citizen_id: UUID) -> Sequence[Trip]:
    """Every trip that is kept of a citizen."""
    return await Trip.filter(citizen_id=citizen_id).order_by("id")


async def find_trip(trip_id: UUID) -> Trip | None:
    """A trip by id."""
    return await Trip.get_or_none(id=trip_id)


async def lock_trip(tx: Transaction, trip_id: UUID) -> Trip | None:
    """A trip by id, locked until the transaction ends."""
    return await Trip.filter(id=trip_id).using_db(tx).select_for_update().first()


async def note_intent(tx: Transaction, trip_id: UUID, intent_id: UUID) -> None:
    """Note the payment that was begun for a trip."""
    await Trip.filter(id=trip_id).using_db(tx).update(intent_id=intent_id)


async def mark_paid(tx: Transaction, trip_id: UUID, now: datetime) -> None:
    """Note that a trip is paid."""
    await Trip.filter(id=trip_id).using_db(tx).update(status=TripStatus.PAID.value, seen_at=now)
