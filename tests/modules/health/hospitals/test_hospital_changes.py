"""What a hospital does not tell of a number, and what it changes of one that somebody has."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from icalendar import Calendar

from core.clock import ManualClock
from core.context.app import App
from core.database import IntegrityError, connection, fetch_all
from core.errors import Conflict
from core.texts import Locale
from kinds.booking import calendar_file, comparison, service
from kinds.booking import numbers as registration
from kinds.booking.comparison import Kind
from kinds.booking.domain import State
from kinds.booking.graphql_booking import appointment
from kinds.booking.sources import ExternalSlot
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from tests.modules.health.hospitals.fake_hospitals import INTERNAL, FakeHospitals
from tests.modules.health.hospitals.test_hospital_registration import (
    MakeCall,
    book,
    free_slots,
    messages,
    patient,
    used,
)


async def limits_of(booking_id: UUID) -> set[str]:
    """The kinds and times of what a booking counts against."""
    sql = "SELECT limit_key FROM appointments_limit_use WHERE booking_id = $1"
    rows = await fetch_all(connection(), sql, booking_id)
    return {row["limit_key"] for row in rows}


async def test_a_fee_that_a_hospital_does_not_tell_is_none_and_not_0(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    """Nobody can be asked for it in advance: the number is booked, the fee is the counter's."""
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.doctors["sch000"] = replace(hospitals.doctors["sch000"], fee_fen=None)
    doctors = (await browsing.read_doctors(viewer, "h1", INTERNAL.ref)).value
    assert doctors is not None and [one.fee_fen for one in doctors] == [None, 5000]
    booking = await book(viewer, slot)
    assert (booking.state, booking.fee_fen, booking.prepaid) == (State.CONFIRMED, None, False)
    assert appointment(viewer, booking).fee is None
    costs = await browsing.read_slots(viewer, "h1", "sch001", skip_days=5, days=3)
    assert costs.value
    with pytest.raises(Conflict) as refused:
        await registration.move_number(viewer, booking.id, costs.value[0].ref, "move-0001")
    assert refused.value.code == "FEE_DIFFERS"


async def test_who_has_a_number_that_the_hospital_moves_is_told_once_and_ours_follows(
    app: App, call: MakeCall, hospitals: FakeHospitals, clock: ManualClock
) -> None:
    viewer = await patient(app, call)
    slots = await free_slots(viewer)
    first, other = slots[0], next(s for s in slots if s.starts_at.day != slots[0].starts_at.day)
    booking = await book(viewer, first)
    hospitals.reschedule("h1", booking.id, other)
    for _ in range(2):
        clock.move(timedelta(minutes=5))
        await comparison.follow(app)
    moved = await service.get_booking(viewer, booking.id)
    assert (moved.state, moved.slot_ref) == (State.CONFIRMED, other.ref)
    assert (moved.starts_at, moved.ends_at) == (other.starts_at, other.ends_at)
    assert moved.version == booking.version + 1
    event = Calendar.from_ical(calendar_file.write(app, moved, Locale.EN)).events[0]
    assert (event["sequence"], event["dtstart"].dt) == (moved.version, other.starts_at)
    assert await messages() == ["appointments.confirmed", "appointments.rescheduled"]
    assert (await used(first.ref), await used(other.ref)) == (0, 1)
    assert (await book(await patient(app, call, 2), first)).state is State.CONFIRMED
    with pytest.raises(Conflict) as refused:
        await book(viewer, next(s for s in slots if s.starts_at.day == other.starts_at.day), "b-02")
    assert refused.value.code in ("LIMIT_DAY", "LIMIT_SLOT", "SLOT_FULL")
    assert await comparison.compare(app) == []


async def test_it_is_told_again_where_it_is_moved_again(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    first, second, third, *_ = await free_slots(viewer)
    booking = await book(viewer, first)
    for slot in (second, third, second):
        hospitals.reschedule("h1", booking.id, slot)
        (found,) = await comparison.compare(app)
        assert (found.booking_id, found.kind) == (booking.id, Kind.RESCHEDULED)
    moved = await service.get_booking(viewer, booking.id)
    assert (moved.slot_ref, moved.starts_at) == (second.ref, second.starts_at)
    assert (await messages()).count("appointments.rescheduled") == 3


async def test_another_doctor_is_another_doctor(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    booking = await book(viewer, (await free_slots(viewer))[0])
    others = await browsing.read_slots(viewer, "h1", "sch001", skip_days=3, days=7)
    assert others.value
    same_time = next(s for s in others.value if s.starts_at == booking.starts_at)
    hospitals.reschedule("h1", booking.id, same_time)
    assert [d.kind for d in await comparison.compare(app)] == [Kind.RESCHEDULED]
    moved = await service.get_booking(viewer, booking.id)
    assert (moved.starts_at, moved.resource_ref) == (booking.starts_at, "h1/sch001")
    assert moved.described.name != booking.described.name
    assert (moved.fee_fen, moved.prepaid) == (booking.fee_fen, False), "as it was booked"
    assert (await messages()).count("appointments.rescheduled") == 1


async def test_a_time_without_its_number_is_followed_too(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    first, second, *_ = await free_slots(viewer)
    booking = await book(viewer, first)
    hospitals.reschedule("h1", booking.id, second, telling=False)
    assert [d.kind for d in await comparison.compare(app)] == [Kind.RESCHEDULED]
    moved = await service.get_booking(viewer, booking.id)
    assert (moved.starts_at, moved.resource_ref) == (second.starts_at, booking.resource_ref)
    rival = await patient(app, call, 2)
    assert (await book(rival, first)).starts_at == first.starts_at
    again = await service.get_booking(viewer, booking.id)
    assert again.starts_at == second.starts_at, "the number that was given up is another's"
    assert await comparison.compare(app) == []


async def test_two_that_change_places_both_follow(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewers = [await patient(app, call, number) for number in (1, 2)]
    slots: list[ExternalSlot] = (await free_slots(viewers[0]))[:2]
    rows: list[BookingRow] = [await book(v, s) for v, s in zip(viewers, slots, strict=True)]
    for row, slot in zip(rows, reversed(slots), strict=True):
        hospitals.reschedule("h1", row.id, slot)
    for _ in range(3):
        await comparison.compare(app)
    now = [await service.get_booking(v, r.id) for v, r in zip(viewers, rows, strict=True)]
    assert [row.starts_at for row in now] == [slot.starts_at for slot in reversed(slots)]
    assert [row.slot_ref for row in now] == [slot.ref for slot in reversed(slots)]
    assert (await messages()).count("appointments.rescheduled") == 2
    assert await comparison.compare(app) == []


async def test_what_is_over_or_ended_here_is_moved_no_more(
    app: App, call: MakeCall, hospitals: FakeHospitals, clock: ManualClock
) -> None:
    viewer = await patient(app, call)
    first, second, *_ = await free_slots(viewer)
    booking = await book(viewer, first)
    await service.cancel(viewer, booking.id, "cancel-1")
    hospitals.reschedule("h1", booking.id, second)
    await comparison.compare(app)
    ended = await service.get_booking(viewer, booking.id)
    assert ended.starts_at == first.starts_at
    assert "appointments.rescheduled" not in await messages()


@pytest.mark.parametrize(
    "change", ["slot_id = $2, access_id = NULL", "slot_id = $2, state = 'cancelling'", "seats = 2"]
)
async def test_the_database_moves_no_other_booking(
    app: App, call: MakeCall, hospitals: FakeHospitals, change: str
) -> None:
    """Ours are moved by a new one of their series; one that is under way is not moved at all."""
    viewer = await patient(app, call)
    first, second, *_ = await free_slots(viewer)
    booking, other = await book(viewer, first), await book(await patient(app, call, 2), second)
    with pytest.raises(IntegrityError):
        await connection().execute_query(
            f"UPDATE appointments_booking SET {change} WHERE id = $1 AND $2::uuid IS NOT NULL",
            [booking.id, other.slot_id],
        )
    assert await service.get_booking(viewer, booking.id) == booking
