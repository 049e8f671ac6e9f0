"""What appointments hold about a person: bookings, and where they wait.

An export tells what one booked and what was booked for one. An erasure unties what is over from
whom it was for; a booking that is still to come has to be cancelled first, and one whose fee was
paid keeps its payer as its voucher does.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.sweep import sweep
from core.database import Transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.ids import new_id
from core.people.data_rights import Hold, PersonalData, Withheld
from core.people.personal_table import PersonalTable, Sealed, Stays, Through
from kinds.booking import people, person_store, saga, service, texts
from kinds.booking.models import Booking, Companion, Ticket, Wait
from kinds.booking.store import BookingRow

_EXPORT_MAX = 10_000
_DEADLINE_S = 8.0


async def _read(app: App, person_id: UUID) -> Mapping[str, Any]:
    rows = await person_store.list_bookings_about(person_id, _EXPORT_MAX)
    waits = await person_store.list_waits_of(person_id)
    return {
        "bookings": [_booking(app, row) for row in rows],
        "waiting": [
            {
                "on": wait.day_on.isoformat(),
                "service": wait.service_id,
                "state": wait.state,
                "booked_for": str(wait.booked_for) if wait.booked_for else None,
            }
            for wait in waits
        ],
    }


def _booking(app: App, row: BookingRow) -> dict[str, object]:
    sealed = row.subject_sealed
    return {
        "id": str(row.id),
        "service": row.service_id,
        "state": row.state,
        "place": row.described.place.zh,
        "unit": row.described.unit.zh,
        "name": row.described.name.zh,
        "item": row.item_id,
        "about": app.vault.decrypt(sealed, people.SUBJECT) if sealed else None,
        "booked_by": str(row.booked_by),
        "booked_for": str(row.booked_for) if row.booked_for else None,
        "starts_at": row.starts_at.isoformat(),
        "created_at": row.created_at.isoformat(),
        "fee_fen": row.fee_fen,
    }


async def _holds(_app: App, person_id: UUID) -> Sequence[Hold]:
    if not await person_store.list_open_bookings(person_id):
        return ()
    return (Hold("appointments", texts.HOLD_OPEN),)


async def _settle(app: App, person_id: UUID) -> None:
    """Give back what is still to come, and wait for nothing more; what can be given back no more
    stays, and is told."""
    await person_store.lapse_waits_of(person_id, app.clock.now())

    async def give_back(booking_id: UUID) -> None:
        with suppress(Conflict):
            await service.withdraw(app, booking_id)
            await saga.settle_now(app, booking_id, None, Deadline.after(_DEADLINE_S))

    open_ones = await person_store.list_open_bookings(person_id)
    (await sweep(app, "appointments.leaving", open_ones, give_back)).require_whole()


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    """Untie what is over. Seats and limits of what is still to come stay."""
    await person_store.forget_person(tx, person_id, nobody=new_id())


async def _named(app: App, tx: Transaction, person_id: UUID, number: str) -> None:
    """Limits, bans and places in a queue go along: proving a name makes nobody another person."""
    await person_store.count_as(tx, person_id, people.resident_key(app, number))


_UNTIED = Stays("untied from the person once it is over: person_store.forget_person")

BOOKINGS = PersonalTable(
    Booking,
    owner=("booked_by", "booked_for"),
    sealed=(Sealed("subject_sealed", people.SUBJECT),),
    erased=_UNTIED,
)
COMPANIONS = PersonalTable(
    Companion,
    owner=Through("booking_id", BOOKINGS),
    sealed=(Sealed("name_sealed", people.NAME), Sealed("resident_sealed", people.RESIDENT_ID)),
    erased=_UNTIED,
)
WAITS = PersonalTable(
    Wait,
    owner=("person_id", "booked_for"),
    sealed=(Sealed("subject_sealed", people.SUBJECT),),
    erased=_UNTIED,
)
TICKETS = PersonalTable(Ticket, owner="person_id", erased=_UNTIED)

PERSONAL = PersonalData(
    "appointments",
    (BOOKINGS, COMPANIONS, WAITS, TICKETS),
    withheld=(Withheld("companions", texts.WITHHELD_COMPANIONS),),
    read=_read,
    holds=_holds,
    erase=_erase,
    settle=_settle,
    named=_named,
)
