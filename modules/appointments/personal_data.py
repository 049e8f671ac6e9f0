"""What appointments hold about a person: bookings, and where they wait.

An export tells what one booked and what was booked for one. An erasure unties what is over from
whom it was for; a booking that is still to come has to be cancelled first, and one whose fee was
paid keeps its payer as its voucher does.
"""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.ids import new_id
from core.people.data_rights import Erasure, Export, Exported, Hold, Withheld
from core.texts import Text
from modules.appointments import people, person_store
from modules.appointments.store import BookingRow

HOLD_OPEN = Text(
    "APPOINTMENTS_OPEN",
    "尚有未结束的预约,结束或取消后即可删除",
    "There are appointments to come: they go when they are over or cancelled",
)
WITHHELD_COMPANIONS = Text(
    "APPOINTMENT_COMPANIONS",
    "同行人的姓名和证件号码属于他人",
    "Names and ID numbers of companions are other people's",
)
_EXPORT_MAX = 10_000


async def _read(app: App, person_id: UUID) -> Exported:
    rows = await person_store.list_bookings_about(person_id, _EXPORT_MAX)
    waits = await person_store.list_waits_of(person_id)
    return Exported(
        {
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
        },
        (Withheld("companions", WITHHELD_COMPANIONS),),
    )


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
    if not await person_store.has_open_bookings(person_id):
        return ()
    return (Hold("appointments", HOLD_OPEN),)


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    """Untie what is over. Seats and limits of what is still to come stay."""
    await person_store.forget_person(tx, person_id, nobody=new_id())


EXPORT = Export("appointments", _read)
ERASURE = Erasure("appointments", _holds, _erase)
