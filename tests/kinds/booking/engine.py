"""What the engine's tests share: a place with slots, citizens, and looking at the tables."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.errors import AppError
from core.ids import new_id
from core.texts import Named
from kinds.booking import service, slot_store
from kinds.booking.schedule import PlannedSlot
from kinds.booking.slot_store import Described
from kinds.booking.store import BookingRow
from tests.kinds.booking.people import citizen

HALL = "gov-hall-appointment"
ITEMS = {
    HALL: "general",
    "vehicle-inspection-appointment": "periodic",
    "marriage-registration-appointment": "marriage",
    "exit-entry-appointment": "passport",
    "venue-booking": "entry",
}
MakeCall = Callable[..., Call]


async def offer(
    app: App,
    *starts: timedelta,
    capacity: int = 1,
    service_id: str = HALL,
    releases_in: timedelta | None = None,
) -> list[UUID]:
    """A new place with one slot of half an hour per start, counted from now; their ids in order."""
    now = app.clock.now()
    ref = f"test-{new_id()}"
    planned = [
        PlannedSlot(
            now + start,
            now + start + timedelta(minutes=30),
            capacity,
            None if releases_in is None else now + releases_in,
        )
        for start in starts
    ]
    async with transaction() as tx:
        resource_id = await slot_store.ensure_resource(
            tx,
            service_id=service_id,
            ref=ref,
            described=Described(Named("大厅", "Hall"), Named("", ""), Named("窗口", "Counter")),
            limit_group=f"{service_id}/{ref}",
        )
        await slot_store.insert_planned(tx, resource_id, service_id, planned)
    first, last = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    rows = await slot_store.list_slots(resource_id, first, last)
    return [facts.slot_id for facts, _ in rows]


async def people(app: App, call: MakeCall, count: int, *, first: int = 1) -> list[Call]:
    """Calls of so many verified citizens."""
    return [
        call(user_id=await citizen(app, number), level=2) for number in range(first, first + count)
    ]


async def hold(call: Call, slot_id: UUID, key: str | None = None) -> BookingRow:
    """A hold of a hall's slot."""
    return await service.hold(call, slot_id, item_id="general", key=key or str(new_id()))


async def book(call: Call, slot_id: UUID) -> BookingRow:
    """A confirmed appointment at a hall."""
    held = await hold(call, slot_id)
    return await service.confirm(call, held.id, str(new_id()))


async def refusal(work: Awaitable[object]) -> str:
    """The code with which something is refused."""
    with pytest.raises(AppError) as refused:
        await work
    return refused.value.code


async def used(slot_id: UUID) -> int:
    """The seats taken of a slot, as its row says."""
    rows = await fetch_all(
        connection(), "SELECT used FROM appointments_slot WHERE id = $1", slot_id
    )
    return int(rows[0]["used"])


async def count(table: str, where: str = "TRUE", *values: object) -> int:
    """How many rows there are."""
    rows = await fetch_all(
        connection(), f"SELECT count(*) AS n FROM {table} WHERE {where}", *values
    )
    return int(rows[0]["n"])


SEAT_FREE = "a seat free while somebody waits"
"""What may be for a moment only: until the jobs that are queued have run."""
_NEVER = {
    "seats do not add up": """
        SELECT 1 FROM appointments_slot s WHERE s.id = ANY($1) AND s.used <> (
          SELECT coalesce(sum(b.seats), 0) FROM appointments_booking b
           WHERE b.slot_id = s.id AND b.state NOT IN ('cancelled', 'expired', 'refused'))""",
    "oversold": "SELECT 1 FROM appointments_slot WHERE id = ANY($1) AND used > capacity",
    "one person twice in a slot": """
        SELECT 1 FROM appointments_booking WHERE slot_id = ANY($1)
           AND state NOT IN ('cancelled', 'expired', 'refused')
         GROUP BY slot_id, person_key HAVING count(*) > 1""",
    "one person twice on a day": """
        SELECT 1 FROM appointments_booking b JOIN appointments_slot s ON s.id = b.slot_id
         WHERE s.id = ANY($1) AND b.state NOT IN ('cancelled', 'expired', 'refused')
         GROUP BY s.resource_id, (s.starts_at AT TIME ZONE 'Asia/Shanghai')::date,
                  b.person_key HAVING count(DISTINCT b.series_id) > 1""",
    "a limit counted for what has ended": """
        SELECT 1 FROM appointments_limit_use u JOIN appointments_booking b
            ON b.id = u.booking_id
         WHERE b.slot_id = ANY($1) AND b.state IN ('cancelled', 'expired', 'refused')""",
    "a live booking without its limit": """
        SELECT 1 FROM appointments_booking b WHERE b.slot_id = ANY($1)
           AND b.state IN ('held', 'confirmed')
           AND NOT EXISTS (SELECT FROM appointments_limit_use u WHERE u.booking_id = b.id
                              AND u.limit_key = 'slot:' || b.slot_id)""",
    "a number that counts against no day": """
        SELECT 1 FROM appointments_booking b WHERE b.slot_id = ANY($1)
           AND b.state IN ('held', 'confirmed') AND b.access_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM appointments_limit_use u JOIN appointments_booking o
                               ON o.id = u.booking_id
                            WHERE o.series_id = b.series_id AND u.limit_key LIKE 'day:%')""",
    "two live bookings of one series": """
        SELECT 1 FROM appointments_booking b WHERE b.slot_id = ANY($1)
           AND b.state IN ('held', 'confirmed') AND b.access_id IS NULL
         GROUP BY b.series_id HAVING count(*) > 1""",
    "a booking that stands and is hidden behind another": """
        SELECT 1 FROM appointments_booking WHERE slot_id = ANY($1)
           AND replaced_by IS NOT NULL AND state NOT IN ('cancelling', 'cancelled')""",
    "a payment that stands for two": """
        SELECT 1 FROM appointments_booking WHERE slot_id = ANY($1)
           AND payment_id IS NOT NULL AND state IN ('confirmed', 'attended', 'missed')
         GROUP BY payment_id HAVING count(*) > 1""",
    SEAT_FREE: """
        SELECT 1 FROM appointments_slot s JOIN appointments_wait w
            ON w.resource_id = s.resource_id AND w.state = 'waiting'
           AND w.day_on = (s.starts_at AT TIME ZONE 'Asia/Shanghai')::date
         WHERE s.id = ANY($1) AND s.used < s.capacity AND NOT EXISTS (
           SELECT FROM appointments_booking b JOIN appointments_slot t ON t.id = b.slot_id
            WHERE b.person_key = w.person_key AND b.state IN ('held', 'confirmed')
              AND s.starts_at < t.ends_at AND t.starts_at < s.ends_at)""",
    "an offer without its hold, or a hold without its offer": """
        SELECT 1 FROM appointments_wait w JOIN appointments_slot s
            ON s.resource_id = w.resource_id
          LEFT JOIN appointments_booking b ON b.id = w.booking_id
         WHERE s.id = ANY($1) AND w.booking_id IS NOT NULL
           AND (w.state = 'offered') IS DISTINCT FROM (b.state = 'held')""",
    "an offer that ends too late": """
        SELECT 1 FROM appointments_wait w JOIN appointments_booking b ON b.id = w.booking_id
          JOIN appointments_slot s ON s.id = b.slot_id
         WHERE s.id = ANY($1)
           AND (w.offered_until > s.starts_at - interval '1 hour'
                OR b.state = 'held' AND b.hold_expires_at <> w.offered_until)""",
    "one person at two places at once": """
        SELECT 1 FROM appointments_booking a JOIN appointments_slot s ON s.id = a.slot_id
          JOIN appointments_booking b ON b.person_key = a.person_key AND b.id > a.id
           AND b.series_id <> a.series_id
          JOIN appointments_slot t ON t.id = b.slot_id
         WHERE s.id = ANY($1) AND a.state IN ('held', 'confirmed')
           AND b.state IN ('held', 'confirmed')
           AND s.starts_at < t.ends_at AND t.starts_at < s.ends_at""",
    "more unpaid holds than one person may have": """
        SELECT 1 FROM appointments_booking WHERE slot_id = ANY($1)
           AND state = 'held' AND prepaid AND payment_id IS NULL
         GROUP BY person_key HAVING count(*) > 3""",
    "more open appointments of a hall than one person may have": """
        SELECT 1 FROM appointments_booking WHERE slot_id = ANY($1)
           AND service_id = 'gov-hall-appointment' AND state IN ('held', 'confirmed')
         GROUP BY person_key HAVING count(*) > 3""",
    "a promotion without its booking": """
        SELECT 1 FROM appointments_wait w JOIN appointments_slot s
            ON s.resource_id = w.resource_id
         WHERE s.id = ANY($1) AND w.state = 'promoted' AND NOT EXISTS (
           SELECT FROM appointments_booking b WHERE b.id = w.booking_id)""",
}
BROKEN_INVARIANTS = " UNION ALL ".join(
    f"SELECT '{name}' AS name WHERE EXISTS ({sql})" for name, sql in _NEVER.items()
)
"""What must never be, among the bookings of the slots $1; no row when all is well."""


async def broken_invariants(slot_ids: Sequence[UUID]) -> list[str]:
    """What must never be, among the bookings of some slots; empty when all is well."""
    rows = await fetch_all(connection(), BROKEN_INVARIANTS, list(slot_ids))
    return [row["name"] for row in rows]
