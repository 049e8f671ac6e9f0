"""What mobility holds about a person: number plates, fines they were shown, unpaid trips.

A fine or trip that was paid here stays with its payment's vouchers; see payments.
"""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.people.data_rights import Erasure, Export, Exported, Hold, SealedColumn
from modules.mobility.fines import store as fine_store
from modules.mobility.models import Fine, Plate, Trip
from modules.mobility.parking import service, store
from modules.mobility.transit import store as trip_store

COLUMNS = (SealedColumn("mobility_plate", "plate_sealed", service.PLATE),)


async def _read(app: App, person_id: UUID) -> Exported:
    plates = await store.list_plates(person_id)
    fines = await fine_store.list_fines(person_id)
    trips = await trip_store.list_trips(person_id)
    return Exported(
        {
            "plates": [
                {
                    "plate": service.plate_text(app, row),
                    "linked_at": row.linked_at.isoformat(),
                    "verified_at": row.verified_at.isoformat() if row.verified_at else None,
                }
                for row in plates
            ],
            "fines": [
                {
                    "violation_no": row.violation_no,
                    "order_no": row.order_no,
                    "offence": row.offence_zh,
                    "total_fen": row.total_fen,
                    "status": row.status,
                    "receipt_no": row.receipt_no,
                }
                for row in fines
            ],
            "trips": [
                {
                    "trip_no": row.trip_no,
                    "entered_at": row.entered_at.isoformat(),
                    "fare_fen": row.fare_fen,
                    "status": row.status,
                }
                for row in trips
            ],
        }
    )


async def _holds(_app: App, _person_id: UUID) -> Sequence[Hold]:
    return ()


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    await Plate.filter(citizen_id=person_id).using_db(tx).delete()
    for kept in (Fine, Trip):
        await kept.filter(citizen_id=person_id, intent_id__isnull=True).using_db(tx).delete()


EXPORT = Export("mobility", _read)
ERASURE = Erasure("mobility", _holds, _erase)
