"""Booking a hospital number: held here, booked there, confirmed; and every way it can break."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from icalendar import Calendar

from core.clock import SHANGHAI, ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.errors import Conflict, Forbidden, LoginRequired, Missing, NotFound, Unavailable
from core.ids import new_id
from core.people.mandates import act_for
from core.people.personal_read import list_access, withdraw_consent
from core.texts import Locale
from core.upstream.readings import ReadStatus
from kinds.booking import calendar_file, comparison, jobs, saga, service
from kinds.booking import numbers as registration
from kinds.booking.comparison import Kind
from kinds.booking.domain import State
from kinds.booking.graphql_booking import appointment
from kinds.booking.numbers import NumberRequest
from kinds.booking.sources import ExternalSlot
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from modules.health.registration.numbers import HOSPITAL_REGISTRATION, PATIENT, REGISTRATION
from modules.identity.models import Mandate
from notifications.messages.models import Message
from tests.kinds.booking.people import citizen, consent, fresh, guardian_of, resident_id
from tests.modules.health.hospitals.fake_hospitals import INTERNAL, FakeHospitals

MakeCall = Callable[..., Call]


async def patient(app: App, call: MakeCall, number: int = 1) -> Call:
    """A verified citizen who has agreed."""
    made = call(user_id=await citizen(app, number), level=2)
    await consent(made, PATIENT)
    return made


async def free_slots(call: Call, skip_days: int = 3) -> list[ExternalSlot]:
    reading = await browsing.read_slots(call, "h1", "sch000", skip_days=skip_days, days=7)
    assert reading.status is ReadStatus.LIVE and reading.value
    return list(reading.value)


async def book(call: Call, slot: ExternalSlot, key: str = "book-0001") -> BookingRow:
    return await registration.book_number(call, REGISTRATION, NumberRequest("h1", slot.ref), key)


async def work(app: App, booking_id: UUID) -> None:
    """What the worker does with the booking's job."""
    await jobs.settle(app, booking_id)


async def used(slot_ref: str) -> int:
    rows = await fetch_all(
        connection(), "SELECT used FROM appointments_slot WHERE ref = $1", slot_ref
    )
    return int(rows[0]["used"]) if rows else 0


async def messages() -> list[str]:
    sql = "SELECT template FROM notifications_message ORDER BY position"
    rows = await fetch_all(connection(), sql)
    return [row["template"] for row in rows]


async def bookings() -> int:
    rows = await fetch_all(connection(), "SELECT count(*) AS n FROM appointments_booking")
    return int(rows[0]["n"])


async def test_browse_and_book(app: App, call: MakeCall, hospitals: FakeHospitals) -> None:
    viewer = await patient(app, call)
    listed = await browsing.read_hospitals(viewer)
    assert [ref for ref, r in listed.items() if r.status is ReadStatus.LIVE] == [
        "h1", "h2", "h3", "h4", "h5",
    ]  # fmt: skip
    departments = await browsing.read_departments(viewer, "h1")
    assert departments.value == [INTERNAL]
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    assert booking.state is State.CONFIRMED
    assert (booking.fee_fen, booking.prepaid) == (0, False)
    assert booking.described.place.en == "Example Hospital"
    assert (booking.starts_at, booking.ends_at) == (slot.starts_at, slot.ends_at)
    assert hospitals.live() == {booking.id}
    assert await used(slot.ref) == 1
    assert await messages() == ["appointments.confirmed"]
    assert slot.ref not in [s.ref for s in await free_slots(viewer)]
    reads = await list_access(viewer, first=10)
    assert [(r.upstream, r.purpose) for r in reads] == [("hospitals", PATIENT.id)]


async def test_the_same_key_books_once_and_other_input_is_refused(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    first, second = (await free_slots(viewer))[:2]
    booking = await book(viewer, first)
    hospitals.fails = ["off"]
    assert await book(viewer, first) == booking, "a repeated send asks nobody"
    with pytest.raises(Conflict) as refused:
        await book(viewer, second)
    assert refused.value.code == "KEY_REUSED"
    assert await bookings() == 1


async def test_limits_are_held_by_the_database(app: App, call: MakeCall) -> None:
    viewer = await patient(app, call)
    slots = await free_slots(viewer)
    same_day = [s for s in slots if s.starts_at.date() == slots[0].starts_at.date()]
    await book(viewer, same_day[0])
    with pytest.raises(Conflict) as refused:
        await book(viewer, same_day[1], "book-0002")
    assert refused.value.code == "LIMIT_DAY"
    assert await bookings() == 1
    other_day = next(s for s in slots if s.starts_at.date() > slots[0].starts_at.date())
    assert (await book(viewer, other_day, "book-0003")).state is State.CONFIRMED


async def test_one_number_for_many_hands(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    people = [await patient(app, call, number) for number in range(1, 21)]
    slot = (await free_slots(people[0]))[0]
    outcomes = await asyncio.gather(
        *(book(viewer, slot) for viewer in people), return_exceptions=True
    )
    won = [o for o in outcomes if isinstance(o, BookingRow)]
    lost = [o.code for o in outcomes if isinstance(o, Conflict)]
    assert [w.state for w in won] == [State.CONFIRMED]
    assert lost == ["SLOT_FULL"] * 19
    assert await used(slot.ref) == 1
    assert hospitals.live() == {won[0].id}


async def test_somebody_at_the_counter_was_faster(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer, rival = await patient(app, call, 1), await patient(app, call, 2)
    slot = (await free_slots(viewer))[0]
    taken = hospitals.taken

    def taken_after_the_look(hospital_ref: str) -> set[str]:
        return taken(hospital_ref) | ({slot.ref} if hospitals.calls[-1] == "book" else set())

    hospitals.taken = taken_after_the_look  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            await book(viewer, slot)
        assert refused.value.code == "SLOT_FULL"
    hospitals.taken = taken  # type: ignore[method-assign]
    assert (await used(slot.ref), hospitals.live(), await messages()) == (0, set(), [])
    assert (await book(rival, slot)).state is State.CONFIRMED


async def test_an_unreachable_hospital_keeps_nothing(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.fails = ["down"]
    with pytest.raises(Unavailable):
        await book(viewer, slot)
    assert (await used(slot.ref), hospitals.live()) == (0, set())
    assert (await book(viewer, slot, "book-0002")).state is State.CONFIRMED


@pytest.mark.parametrize("fault", ["lost", "late"])
async def test_an_unknown_outcome_is_found_out_by_the_job(
    app: App, call: MakeCall, hospitals: FakeHospitals, fault: str
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.fails = [fault]
    booking = await book(viewer, slot)
    assert booking.state is State.HELD
    assert await used(slot.ref) == 1
    for _ in range(3):
        await work(app, booking.id)
    assert (await service.get_booking(viewer, booking.id)).state is State.CONFIRMED
    assert hospitals.live() == {booking.id}
    assert await messages() == ["appointments.confirmed"]


async def test_a_hold_that_was_never_completed_leaves_no_ghost(
    app: App, call: MakeCall, clock: ManualClock, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.fails = ["lost"]
    booking = await book(viewer, slot)
    assert hospitals.live() == {booking.id}
    clock.move(timedelta(minutes=10))
    await work(app, booking.id)
    assert (await service.get_booking(viewer, booking.id)).state is State.CANCELLED
    assert (await used(slot.ref), hospitals.live()) == (0, set())
    assert await messages() == ["appointments.refused"]


async def test_a_request_that_arrives_after_the_end_is_cleared(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    await service.cancel(viewer, booking.id, "cancel-01")
    key = ("h1", booking.id)
    hospitals.placed[key] = type(hospitals.placed[key])("late", 'W/"1"', live=True)
    await saga.clear(app, booking.id, Deadline.after(1))
    assert hospitals.live() == set()


async def test_withdrawn_consent_stops_a_booking_half_way(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.fails = ["late"]
    booking = await book(viewer, slot)
    await withdraw_consent(viewer, PATIENT.id)
    await work(app, booking.id)
    ended = await service.get_booking(viewer, booking.id)
    assert (ended.state, ended.refusal_code) == (State.CANCELLED, "CONSENT_WITHDRAWN")
    assert hospitals.live() == set()


async def test_cancel_frees_the_number_and_the_limit(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    for _ in range(2):
        ended = await service.cancel(viewer, booking.id, "cancel-01")
        assert ended.state is State.CANCELLED
    with pytest.raises(Conflict):
        await service.cancel(viewer, booking.id, "cancel-02")
    assert (await used(slot.ref), hospitals.live()) == (0, set())
    assert await messages() == ["appointments.confirmed", "appointments.cancelled"]
    assert (await book(viewer, slot, "book-0002")).state is State.CONFIRMED


async def test_cancel_is_refused_after_its_deadline(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer, skip_days=1))[0]
    booking = await book(viewer, slot)
    until = service.cancel_deadline(app, booking)
    local = until.astimezone(SHANGHAI)
    assert (slot.starts_at.astimezone(SHANGHAI).date() - local.date()).days == 1
    assert (local.hour, local.minute) == (15, 0)
    clock.move(until - clock.now())
    with pytest.raises(LoginRequired) as stale:
        await service.cancel(viewer, booking.id, "cancel-01")
    assert stale.value.missing is Missing.FRESH_AUTH
    viewer = fresh(viewer)
    with pytest.raises(Conflict) as refused:
        await service.cancel(viewer, booking.id, "cancel-01")
    assert refused.value.code == "CANCEL_TOO_LATE"
    assert (await service.get_booking(viewer, booking.id)).state is State.CONFIRMED
    clock.move(timedelta(seconds=-1))
    assert (await service.cancel(fresh(viewer), booking.id, "cancel-01")).state is State.CANCELLED


async def test_a_lost_reply_to_a_cancellation_is_settled(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    hospitals.fails = ["lost"]
    assert (await service.cancel(viewer, booking.id, "cancel-01")).state is State.CANCELLING
    assert await used(slot.ref) == 1, "the seat is free only when the hospital has freed it"
    await work(app, booking.id)
    assert (await service.get_booking(viewer, booking.id)).state is State.CANCELLED
    assert await used(slot.ref) == 0


async def test_a_hospital_may_insist(app: App, call: MakeCall, hospitals: FakeHospitals) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    hospitals.insists = True
    assert (await service.cancel(viewer, booking.id, "cancel-01")).state is State.CONFIRMED
    assert await used(slot.ref) == 1
    assert await messages() == ["appointments.confirmed", "appointments.kept"]


async def test_who_may_do_what(app: App, call: MakeCall) -> None:
    viewer, other = await patient(app, call, 1), await patient(app, call, 2)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    with pytest.raises(NotFound):
        await service.get_booking(other, booking.id)
    with pytest.raises(NotFound):
        await service.cancel(other, booking.id, "cancel-01")
    with pytest.raises(LoginRequired):
        await registration.book_number(
            call(level=1), REGISTRATION, NumberRequest("h1", slot.ref), "book-0002"
        )
    with pytest.raises(NotFound):
        await registration.book_number(
            other, REGISTRATION, NumberRequest("h9", slot.ref), "book-0002"
        )
    with pytest.raises(NotFound):
        await registration.book_number(
            other, REGISTRATION, NumberRequest("h1", "no-such-slot"), "book-0002"
        )
    await withdraw_consent(other, PATIENT.id)
    with pytest.raises(Forbidden):
        await book(other, (await free_slots(viewer))[1], "book-0002")
    assert await bookings() == 1
    assert (await service.get_booking(viewer, booking.id)).state is State.CONFIRMED


async def test_a_begun_number_is_refused(app: App, call: MakeCall, clock: ManualClock) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer, skip_days=0))[0]
    clock.move(slot.starts_at - clock.now())
    with pytest.raises(Conflict) as refused:
        await book(fresh(viewer), slot)
    assert refused.value.code == "SLOT_BEGUN" or refused.value.code == "SLOT_FULL"
    assert await bookings() == 0


async def test_readings_fall_back_to_the_last_good_answer(
    app: App, call: MakeCall, clock: ManualClock, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    seen = await free_slots(viewer)
    hospitals.fails = ["off"]
    clock.move(timedelta(minutes=1))
    stale = await browsing.read_slots(viewer, "h1", "sch000", skip_days=3, days=7)
    assert (stale.status, stale.reason, stale.value) == (ReadStatus.STALE, "UNAVAILABLE", seen)
    assert stale.as_of == clock.now() - timedelta(minutes=1)
    clock.move(timedelta(minutes=5))
    gone = await browsing.read_slots(viewer, "h1", "sch000", skip_days=3, days=7)
    assert (gone.status, gone.value) == (ReadStatus.UNAVAILABLE, None)


async def test_the_sweep_finds_what_lost_its_job(
    app: App, call: MakeCall, clock: ManualClock, hospitals: FakeHospitals
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    hospitals.fails = ["late"]
    booking = await book(viewer, slot)
    await connection().execute_query("DELETE FROM pgqueuer")
    clock.move(timedelta(minutes=3))
    await jobs.sweep(app)
    rows = await fetch_all(
        connection(), "SELECT payload FROM pgqueuer WHERE entrypoint = 'appointments.settle'"
    )
    assert [str(booking.id) in row["payload"].decode() for row in rows] == [True]


async def test_the_calendar_file_keeps_its_uid_and_its_sequence_rises(
    app: App, call: MakeCall
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    booking = await book(viewer, slot)
    before = _event(calendar_file.write(app, booking, Locale.ZH))
    ended = await service.cancel(viewer, booking.id, "cancel-01")
    after = _event(calendar_file.write(app, ended, Locale.ZH))
    assert before["uid"] == after["uid"] == f"{booking.id}@jinan"
    assert (booking.version, before["sequence"]) == (1, 1)
    assert after["sequence"] > before["sequence"]
    assert (before["status"], after["status"]) == ("CONFIRMED", "CANCELLED")
    assert before["dtstart"].dt == slot.starts_at
    assert "市" in before["summary"] or "医院" in before["summary"]


def _event(text: str) -> dict[str, object]:
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    parsed = Calendar.from_ical(text)
    assert not parsed.errors
    (event,) = parsed.walk("VEVENT")
    assert isinstance(event["dtstart"].dt, datetime)
    return event


async def test_moving_a_number_is_never_both_and_never_neither(
    app: App, call: MakeCall, hospitals: FakeHospitals
) -> None:
    viewer, rival = await patient(app, call, 1), await patient(app, call, 2)
    old_slot, taken, new_slot, *_ = await free_slots(viewer)
    old = await book(viewer, old_slot)
    await book(rival, taken)
    with pytest.raises(Conflict):
        await registration.move_number(viewer, old.id, taken.ref, "move-0001")
    assert (await service.get_booking(viewer, old.id)).state is State.CONFIRMED
    moved = await registration.move_number(viewer, old.id, new_slot.ref, "move-0002")
    assert (moved.state, moved.series_id) == (State.CONFIRMED, old.id)
    left = await service.get_booking(viewer, old.id)
    assert (left.state, left.replaced_by) == (State.CANCELLING, moved.id)
    await work(app, old.id)
    assert (await service.get_booking(viewer, old.id)).state is State.CANCELLED
    assert hospitals.live() >= {moved.id} and old.id not in hospitals.live()
    assert (await used(old_slot.ref), await used(new_slot.ref)) == (0, 1)
    assert await registration.move_number(viewer, old.id, new_slot.ref, "move-0002") == (moved)
    listed = await service.list_bookings(viewer, first=9, before=None)
    assert [row.id for row in listed] == [moved.id]
    with pytest.raises(Conflict) as refused:
        await book(viewer, old_slot, "book-0009")
    assert refused.value.code == "LIMIT_DAY", "the limit moved along"


@pytest.mark.parametrize("fault", ["lost", "late", "down"])
async def test_moving_through_faults(
    app: App, call: MakeCall, hospitals: FakeHospitals, fault: str
) -> None:
    viewer = await patient(app, call)
    old_slot, new_slot, *_ = await free_slots(viewer)
    old = await book(viewer, old_slot)
    hospitals.fails = [fault]
    try:
        moved = await registration.move_number(viewer, old.id, new_slot.ref, "move-0001")
    except Unavailable:
        assert fault == "down"
        assert hospitals.live() == {old.id}
        moved = await registration.move_number(viewer, old.id, new_slot.ref, "move-0002")
    else:
        assert moved.state is State.HELD
        assert (await service.get_booking(viewer, old.id)).state is State.CONFIRMED
        with pytest.raises(Conflict) as refused:
            await service.cancel(viewer, old.id, "cancel-01")
        assert refused.value.code == "MOVING_ALREADY"
    for booking_id in (moved.id, old.id):
        await work(app, booking_id)
    assert (await service.get_booking(viewer, moved.id)).state is State.CONFIRMED
    assert (await service.get_booking(viewer, old.id)).state is State.CANCELLED
    assert hospitals.live() == {moved.id}


async def test_the_comparison_finds_and_mends_every_difference(
    app: App, call: MakeCall, hospitals: FakeHospitals, clock: ManualClock
) -> None:
    viewers = [await patient(app, call, number) for number in range(1, 6)]
    slots = await free_slots(viewers[0])
    rows = [await book(v, s) for v, s in zip(viewers, slots, strict=False)]
    ghost, gone, attended, missed, same = rows
    assert await comparison.compare(app) == []
    await service.cancel(viewers[0], ghost.id, "cancel-01")
    there = hospitals.placed
    there["h1", ghost.id] = replace(there["h1", ghost.id], live=True)
    there["h1", gone.id] = replace(there["h1", gone.id], live=False)
    there["h1", attended.id] = replace(there["h1", attended.id], outcome=State.ATTENDED)
    there["h1", missed.id] = replace(there["h1", missed.id], outcome=State.MISSED)
    found = {d.booking_id: d.kind for d in await comparison.compare(app)}
    assert found == {
        ghost.id: Kind.GHOST_THERE,
        gone.id: Kind.GONE_THERE,
        attended.id: Kind.ATTENDED,
    }
    standing = await service.get_booking(viewers[3], missed.id)
    assert standing.state is State.CONFIRMED, "nobody misses what is still to come"
    clock.move(slots[3].starts_at - clock.now())
    (late,) = await comparison.compare(app)
    assert (late.booking_id, late.kind) == (missed.id, Kind.MISSED)
    assert await comparison.compare(app) == []
    states = [
        (await service.get_booking(v, r.id)).state for v, r in zip(viewers, rows, strict=True)
    ]
    assert states == [
        State.CANCELLED, State.CANCELLED, State.ATTENDED, State.MISSED, State.CONFIRMED,
    ]  # fmt: skip
    assert hospitals.live() == {attended.id, missed.id, same.id}
    assert "appointments.refused" in await messages()
    hospitals.fails = ["off"]
    assert {d.kind for d in await comparison.compare(app)} == {Kind.UNKNOWN}


async def test_who_has_a_number_that_the_hospital_calls_off_is_told_within_minutes(
    app: App, call: MakeCall, hospitals: FakeHospitals, clock: ManualClock
) -> None:
    viewers = [await patient(app, call, number) for number in (1, 2)]
    slots = await free_slots(viewers[0])
    gone, kept = [await book(v, s) for v, s in zip(viewers, slots, strict=False)]
    hospitals.change("h1", gone.id, live=False)
    hospitals.change("h1", new_id(), live=False)  # an identifier that is none of ours
    hospitals.change("h2", kept.id, live=False)  # nor is that of another server's booking
    hospitals.fails = ["off"]
    await comparison.follow(app)  # a silent hospital: the next pass looks as far back
    assert (await service.get_booking(viewers[0], gone.id)).state is State.CONFIRMED
    hospitals.fails = []
    for _ in range(2):
        clock.move(timedelta(minutes=5))
        hospitals.calls.clear()
        await comparison.follow(app)
        assert hospitals.calls.count("list_changed") == 1
    states = [
        (await service.get_booking(v, b.id)).state
        for v, b in zip(viewers, (gone, kept), strict=True)
    ]
    assert states == [State.CANCELLED, State.CONFIRMED]
    assert (await messages()).count("appointments.refused") == 1
    clock.move(timedelta(hours=1))
    hospitals.calls.clear()
    await comparison.follow(app)
    assert "find_booking" not in hospitals.calls  # nothing has changed since


async def test_one_odd_booking_keeps_no_other_from_being_followed(
    app: App, call: MakeCall, hospitals: FakeHospitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewers = [await patient(app, call, number) for number in (1, 2)]
    slots = await free_slots(viewers[0])
    odd, gone = [await book(v, s) for v, s in zip(viewers, slots, strict=False)]
    for each in (odd, gone):
        hospitals.change("h1", each.id, live=False)
    compare = comparison._compare_one

    async def odd_one(app: App, booking: BookingRow) -> Kind | None:
        if booking.id == odd.id:
            raise ZeroDivisionError
        return await compare(app, booking)

    monkeypatch.setattr(comparison, "_compare_one", odd_one)
    await comparison.follow(app)
    assert (await service.get_booking(viewers[0], odd.id)).state is State.CONFIRMED
    assert (await service.get_booking(viewers[1], gone.id)).state is State.CANCELLED


@pytest.mark.parametrize("steps", range(1, 60, 4))
async def test_a_process_that_dies_half_way_leaves_nothing_half_done(
    app: App, call: MakeCall, hospitals: FakeHospitals, steps: int
) -> None:
    viewer = await patient(app, call)
    slot = (await free_slots(viewer))[0]
    task = asyncio.create_task(book(viewer, slot))
    for _ in range(steps):
        await asyncio.sleep(0.002)
        if task.done():
            break
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    # the seat is given by a task of its own, which goes on where the request ends
    await asyncio.gather(*service.allocator_of(app)._tasks, return_exceptions=True)
    for row in await fetch_all(connection(), "SELECT id FROM appointments_booking"):
        await work(app, row["id"])
    again = await book(viewer, slot)
    assert again.state is State.CONFIRMED
    assert await bookings() == 1
    assert hospitals.live() == {again.id}
    assert await messages() == ["appointments.confirmed"]


async def test_a_guardian_books_for_a_child_and_limits_are_the_childs(
    app: App, call: MakeCall, hospitals: FakeHospitals, clock: ManualClock
) -> None:
    guardian, child_id = await patient(app, call, 1), await citizen(app, 2)
    mandate = await guardian_of(app, guardian, child_id)
    for_child = await act_for(guardian, child_id, service=HOSPITAL_REGISTRATION)
    slots = await free_slots(guardian)
    with pytest.raises(Forbidden):
        await book(for_child, slots[0], "child-001")
    await consent(for_child, PATIENT)
    booking = await book(for_child, slots[0], "child-002")
    assert booking.state is State.CONFIRMED
    assert hospitals.patients[booking.id] == resident_id(2)
    with pytest.raises(Conflict) as refused:
        await book(for_child, slots[1], "child-003")
    assert refused.value.code == "LIMIT_DAY"
    mine = await book(guardian, slots[1], "mine-0001")
    assert hospitals.patients[mine.id] == resident_id(1)
    listed = await service.list_bookings(guardian, first=9, before=None)
    assert {row.id for row in listed} == {booking.id, mine.id}
    await Mandate.filter(id=mandate.id).update(state="ended", ended_at=clock.now())
    with pytest.raises(NotFound):
        await book(for_child, slots[-1], "child-004")


async def test_an_old_authentication_sees_that_but_not_what(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    viewer = await patient(app, call)
    booking = await book(viewer, (await free_slots(viewer))[0])
    shown = appointment(viewer, booking)
    assert (shown.needs_proof, shown.place) == (False, "Example Hospital")
    clock.move(timedelta(minutes=16))
    hidden = appointment(viewer, booking)
    assert (hidden.needs_proof, hidden.starts_at) == (True, booking.starts_at)
    assert (hidden.place, hidden.unit, hidden.name, hidden.preparation) == ("",) * 4
    message = await Message.filter(template="appointments.confirmed").get()
    body = app.vault.decrypt(message.body_sealed, "notifications.body")
    assert "Example Hospital" not in body and "Internal medicine" not in body
