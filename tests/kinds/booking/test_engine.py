"""The slot engine: holds, confirmations, moves, the waiting list, checking in, limits and bans."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from icalendar import Calendar

from core.clock import LAST_DATE, SHANGHAI, ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_all
from core.errors import Conflict, Forbidden, InvalidInput, LoginRequired, NotFound
from core.ids import new_id
from core.security.authorization import Role
from core.texts import Locale
from kinds.booking import calendar_file, jobs, messages, service, visits, waiting
from kinds.booking.domain import State, WaitState
from kinds.booking.people import Companion
from kinds.booking.policy import policy_of
from kinds.booking.service import SlotFull
from kinds.booking.store import BookingRow
from modules.identity.models import Citizen
from tests.kinds.booking.engine import (
    HALL,
    ITEMS,
    MakeCall,
    book,
    broken_invariants,
    count,
    hold,
    offer,
    people,
    refusal,
    used,
)
from tests.kinds.booking.people import citizen, resident_id
from tests.machine import PATIENCE_S

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def wait_for(call: Call, slot_id: UUID) -> waiting.Wait:
    rows = await fetch_all(
        connection(), "SELECT resource_id, starts_at FROM appointments_slot WHERE id = $1", slot_id
    )
    day_on = rows[0]["starts_at"].astimezone(SHANGHAI).date()
    return await waiting.join(
        call, rows[0]["resource_id"], day_on, item_id="general", subject=None, key=str(new_id())
    )


async def test_hold_and_confirm(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    (viewer,) = await people(app, call, 1)
    held = await hold(viewer, slot, "hold-0001")
    assert held.state is State.HELD
    assert held.hold_expires_at == app.clock.now() + timedelta(minutes=5)
    assert await hold(viewer, slot, "hold-0001") == held
    confirmed = await service.confirm(viewer, held.id, "confirm-1")
    assert confirmed.state is State.CONFIRMED
    assert await service.confirm(viewer, held.id, "confirm-1") == confirmed
    assert await refusal(service.confirm(viewer, held.id, "confirm-2")) == "ILLEGAL_STATE"
    assert await used(slot) == 1
    assert await count("notifications_message") == 1


async def test_five_hundred_at_once_for_one_seat(app: App, call: MakeCall) -> None:
    slot, *others = await offer(app, *(2 * DAY + n * HOUR for n in range(6)))
    rivals = [call(level=1) for _ in range(500)]
    outcomes = await asyncio.gather(
        *(hold(rival, slot) for rival in rivals), return_exceptions=True
    )
    won = [o for o in outcomes if isinstance(o, BookingRow)]
    lost = [o for o in outcomes if isinstance(o, SlotFull)]
    assert (len(won), len(lost)) == (1, 499)
    for full in lost:
        assert len(full.alternatives) >= 3
        assert {a.facts.slot_id for a in full.alternatives} <= set(others)
        assert all(a.free == 1 for a in full.alternatives)
    assert await used(slot) == 1
    assert await count("appointments_booking") == 1
    assert await count("core_idempotency") == 1, "the losers' keys are free"
    assert await broken_invariants([slot]) == []


async def test_sold_out_from_memory_still_answers_a_repeated_send(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    winner, loser = await people(app, call, 2)
    held = await hold(winner, slot, "hold-0001")
    for _ in range(2):
        assert await refusal(hold(loser, slot)) == "SLOT_FULL"
    assert await hold(winner, slot, "hold-0001") == held
    await service.cancel(winner, held.id, "cancel-1")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                assert (await hold(loser, slot)).state is State.HELD
                break
            except SlotFull:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("starts", "releases", "code"),
    [
        (-HOUR, None, "SLOT_BEGUN"),
        (timedelta(0), None, "SLOT_BEGUN"),
        (DAY, HOUR, "SLOT_UNRELEASED"),
    ],
)
async def test_slots_that_are_not_to_be_had(
    app: App, call: MakeCall, starts: timedelta, releases: timedelta | None, code: str
) -> None:
    (viewer,) = await people(app, call, 1)
    (slot,) = await offer(app, starts, releases_in=releases)
    assert await refusal(hold(viewer, slot)) == code
    assert await count("appointments_booking") == 0


async def test_release_is_to_the_second(app: App, call: MakeCall, clock: ManualClock) -> None:
    (slot,) = await offer(app, 2 * DAY, releases_in=HOUR)
    (viewer,) = await people(app, call, 1)
    clock.move(HOUR - timedelta(seconds=1))
    assert await refusal(hold(viewer, slot)) == "SLOT_UNRELEASED"
    clock.move(timedelta(seconds=1))
    assert (await hold(viewer, slot)).state is State.HELD


async def test_unknown_cancelled_and_foreign(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    viewer, other = await people(app, call, 2)
    assert await refusal(hold(viewer, new_id())) == "NOT_FOUND"
    await connection().execute_query(
        "UPDATE appointments_slot SET cancelled_at = now() WHERE id = $1", [slot]
    )
    assert await refusal(hold(viewer, slot)) == "SLOT_CANCELLED"
    await connection().execute_query(
        "UPDATE appointments_slot SET cancelled_at = NULL WHERE id = $1", [slot]
    )
    held = await hold(viewer, slot)
    for work in (
        service.confirm(other, held.id, "key-00001"),
        service.cancel(other, held.id, "key-00002"),
        service.get_booking(other, held.id),
        service.confirm(other, new_id(), "key-00003"),
    ):
        with pytest.raises(NotFound):
            await work
    with pytest.raises(LoginRequired):
        await hold(call(), slot)
    assert (await service.get_booking(viewer, held.id)).state is State.HELD


async def test_a_hold_lapses_and_the_seat_goes_on(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (slot,) = await offer(app, 2 * DAY)
    viewer, waiter = await people(app, call, 2)
    held = await hold(viewer, slot)
    wait = await wait_for(waiter, slot)
    clock.move(timedelta(minutes=5))
    assert await refusal(service.confirm(viewer, held.id, "confirm-1")) == "HOLD_EXPIRED"
    for _ in range(2):
        await visits.expire(app, [held.id])
    assert (await service.get_booking(viewer, held.id)).state is State.EXPIRED
    await wait.refresh_from_db()
    assert wait.state == WaitState.OFFERED
    (offered,) = await service.list_bookings(waiter, first=10, before=None)
    assert (offered.state, offered.id) == (State.HELD, wait.booking_id)
    assert offered.hold_expires_at == wait.offered_until == clock.now() + timedelta(minutes=30)
    assert await broken_invariants([slot]) == []


async def test_an_early_expiry_job_comes_back(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    (viewer,) = await people(app, call, 1)
    held = await hold(viewer, slot)
    before = await count("pgqueuer", "entrypoint = 'appointments.expire'")
    await visits.expire(app, [held.id])
    assert (await service.get_booking(viewer, held.id)).state is State.HELD
    assert await count("pgqueuer", "entrypoint = 'appointments.expire'") == before + 1


async def test_the_waiting_list_is_served_in_order_and_exactly_once(
    app: App, call: MakeCall
) -> None:
    (slot,) = await offer(app, 2 * DAY, capacity=2)
    first, second, *waiters = await people(app, call, 5)
    bookings = [await book(first, slot), await book(second, slot)]
    waits = [await wait_for(waiter, slot) for waiter in waiters]
    assert await refusal(wait_for(waiters[0], slot)) == "WAITING_ALREADY"
    await asyncio.gather(
        service.cancel(first, bookings[0].id, "cancel-1"),
        service.cancel(second, bookings[1].id, "cancel-2"),
    )
    for wait in waits:
        await wait.refresh_from_db()
    assert [w.state for w in waits] == ["offered", "offered", "waiting"]
    assert await used(slot) == 2
    assert await broken_invariants([slot]) == []
    assert await count("pgqueuer", "entrypoint = 'appointments.tell'") == 2
    await messages.tell_job(app, waits[0].booking_id, "offered")
    await waiting.leave(waiters[2], waits[2].id, "leave-01")
    await waits[2].refresh_from_db()
    assert waits[2].state == WaitState.LEFT
    with pytest.raises(NotFound):
        await waiting.leave(waiters[0], waits[2].id, "leave-02")


async def test_a_seat_that_came_free_before_the_line_is_found_by_the_job(
    app: App, call: MakeCall
) -> None:
    (slot,) = await offer(app, 2 * DAY)
    (waiter,) = await people(app, call, 1)
    wait = await wait_for(waiter, slot)
    for _ in range(2):
        await jobs.refill(app, wait.resource_id, wait.day_on)
    await wait.refresh_from_db()
    assert wait.state == WaitState.OFFERED
    assert await used(slot) == 1


async def test_a_list_is_kept_only_for_days_that_are_open(app: App, call: MakeCall) -> None:
    await offer(app, 2 * DAY)
    (viewer,) = await people(app, call, 1)
    (place,) = await fetch_all(connection(), "SELECT resource_id AS id FROM appointments_slot")
    today = civil_date(app.clock.now())
    last = today + timedelta(days=policy_of(app, HALL).horizon_days)

    def join(day_on: date) -> Awaitable[waiting.Wait]:
        return waiting.join(
            viewer, place["id"], day_on, item_id="general", subject=None, key=str(new_id())
        )

    for day_on in (last + DAY, LAST_DATE):
        assert await refusal(join(day_on)) == "DAY_NOT_OPEN"
    assert await refusal(join(today - DAY)) == "SLOT_BEGUN"
    assert await count("pgqueuer") == await count("appointments_wait") == 0
    assert (await join(last)).state == WaitState.WAITING


async def test_who_may_not_book_is_passed_over(app: App, call: MakeCall) -> None:
    slot, other = await offer(app, 2 * DAY, 2 * DAY + HOUR)
    holder, busy, next_one = await people(app, call, 3)
    booking = await book(holder, slot)
    lapsed = await wait_for(busy, slot)
    await book(busy, other)
    promoted = await wait_for(next_one, slot)
    await service.cancel(holder, booking.id, "cancel-1")
    await lapsed.refresh_from_db()
    await promoted.refresh_from_db()
    assert (lapsed.state, promoted.state) == (WaitState.LAPSED, WaitState.OFFERED)


async def test_moving_is_never_both_and_never_neither(app: App, call: MakeCall) -> None:
    old, new, full = await offer(app, 2 * DAY, 3 * DAY, 4 * DAY)
    viewer, rival = await people(app, call, 2)
    await book(rival, full)
    booking = await book(viewer, old)
    assert await refusal(service.reschedule(viewer, booking.id, full, "move-0001")) == "SLOT_FULL"
    assert (await service.get_booking(viewer, booking.id)).state is State.CONFIRMED
    moved = await service.reschedule(viewer, booking.id, new, "move-0002")
    assert await service.reschedule(viewer, booking.id, new, "move-0002") == moved
    left = await service.get_booking(viewer, booking.id)
    assert (left.state, left.replaced_by) == (State.CANCELLED, moved.id)
    assert (moved.state, moved.series_id, moved.sequence) == (State.CONFIRMED, booking.id, 1)
    assert [await used(s) for s in (old, new, full)] == [0, 1, 1]
    assert [b.id for b in await service.list_bookings(viewer, first=9, before=None)] == [moved.id]
    with pytest.raises(NotFound):
        await service.reschedule(rival, moved.id, old, "move-0003")
    assert await refusal(service.reschedule(viewer, moved.id, new, "move-0004")) == "SAME_SLOT"
    assert await broken_invariants([old, new, full]) == []


async def test_crossing_moves_and_moves_at_the_same_time(app: App, call: MakeCall) -> None:
    a, b, c = await offer(app, 2 * DAY, 3 * DAY, 4 * DAY, capacity=2)
    one, two = await people(app, call, 2)
    first, second = await book(one, a), await book(two, b)
    await asyncio.gather(
        service.reschedule(one, first.id, b, "move-0001"),
        service.reschedule(two, second.id, a, "move-0002"),
    )
    mine = (await service.list_bookings(one, first=1, before=None))[0]
    outcomes = await asyncio.gather(
        *(service.reschedule(one, mine.id, c, f"move-100{n}") for n in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(o, BookingRow) for o in outcomes) == 1
    assert all(isinstance(o, BookingRow | Conflict) for o in outcomes)
    assert [await used(s) for s in (a, b, c)] == [1, 0, 1]
    assert await broken_invariants([a, b, c]) == []


async def test_the_calendar_follows_every_change(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    old, new = await offer(app, 2 * DAY, 3 * DAY)
    (viewer,) = await people(app, call, 1)
    held = await hold(viewer, old)
    files = [calendar_file.write(app, held, Locale.EN)]
    booking = await service.confirm(viewer, held.id, "confirm-1")
    files.append(calendar_file.write(app, booking, Locale.EN))
    clock.move(timedelta(minutes=5))
    moved = await service.reschedule(viewer, booking.id, new, "move-0001")
    files.append(calendar_file.write(app, moved, Locale.EN))
    ended = await service.cancel(viewer, moved.id, "cancel-1")
    files.append(calendar_file.write(app, ended, Locale.EN))
    events = [Calendar.from_ical(text).walk("VEVENT")[0] for text in files]
    assert len({event["uid"] for event in events}) == 1
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences)), "calendars drop what does not rise (calcom#22779)"
    statuses = ["TENTATIVE", "CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [event["status"] for event in events] == statuses
    assert events[0]["dtstamp"].dt < events[2]["dtstamp"].dt == clock.now()
    assert all(event["organizer"].params["CN"] == "Hall" for event in events)
    there = calendar_file.write(app, replace(ended, address="1 Spring Street"), Locale.EN)
    (event,) = Calendar.from_ical(there).walk("VEVENT")
    assert event["location"] == "Hall, 1 Spring Street"


async def test_limits_per_slot_per_day_and_open(app: App, call: MakeCall) -> None:
    first, second, third, fourth = await offer(app, *(n * DAY for n in range(2, 6)), capacity=5)
    (viewer,) = await people(app, call, 1)
    booking = await book(viewer, first)
    (same_place,) = await fetch_all(
        connection(), "SELECT resource_id FROM appointments_slot WHERE id = $1", first
    )
    later_that_day = new_id()
    await connection().execute_query(
        """INSERT INTO appointments_slot (id, resource_id, service_id, ref, starts_at, ends_at,
                                          capacity, used, fee_fen)
           SELECT $1, $2, service_id, 'later', starts_at + interval '1 hour',
                  ends_at + interval '1 hour', 5, 0, 0
             FROM appointments_slot WHERE id = $3""",
        [later_that_day, same_place["resource_id"], first],
    )
    assert await refusal(hold(viewer, first)) == "LIMIT_DAY"
    assert await refusal(hold(viewer, later_that_day)) == "LIMIT_DAY"
    await book(viewer, second)
    await book(viewer, third)
    assert await refusal(hold(viewer, fourth)) == "LIMIT_OPEN"
    assert [await used(s) for s in (first, later_that_day, fourth)] == [1, 0, 0]
    await service.cancel(viewer, booking.id, "cancel-1")
    assert (await hold(viewer, later_that_day)).state is State.HELD
    assert await broken_invariants([first, second, third, fourth, later_that_day]) == []


async def test_the_database_itself_refuses(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    (viewer,) = await people(app, call, 1)
    booking = await book(viewer, slot)
    statements = [
        "UPDATE appointments_slot SET used = 2 WHERE id = $1",
        "UPDATE appointments_slot SET capacity = 0 WHERE id = $1",
        "UPDATE appointments_booking SET state = 'held' WHERE slot_id = $1",
        "UPDATE appointments_booking SET seats = 2 WHERE slot_id = $1",
        "DELETE FROM appointments_booking WHERE slot_id = $1",
        """INSERT INTO appointments_booking (id, series_id, sequence, service_id, slot_id,
             booked_by, seats, state, fee_fen, created_at, hold_expires_at, item_id)
           SELECT gen_random_uuid(), gen_random_uuid(), 0, service_id, slot_id, booked_by, 1,
             'held', 0, now(), now(), '' FROM appointments_booking WHERE slot_id = $1""",
        """INSERT INTO appointments_limit_use (person_key, limit_key, ordinal, booking_id)
           SELECT person_key, limit_key, ordinal, booking_id FROM appointments_limit_use
            WHERE limit_key = 'slot:' || $1::uuid::text""",
    ]
    for sql in statements:
        with pytest.raises(IntegrityError):
            await connection().execute_query(sql, [slot])
    assert await service.get_booking(viewer, booking.id) == booking
    assert await used(slot) == 1


async def test_check_in_is_good_once_and_in_time(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (slot,) = await offer(app, DAY)
    (viewer,) = await people(app, call, 1)
    staff = call(level=1, roles=frozenset({Role.DEPARTMENT_OFFICER}))
    booking = await book(viewer, slot)
    code = visits.check_in_code(app, booking)
    assert code is not None
    with pytest.raises(Forbidden):
        await visits.check_in(viewer, code, "scan-0001")
    assert await refusal(visits.check_in(staff, code, "scan-0001")) == "CHECK_IN_EARLY"
    clock.move(DAY - timedelta(minutes=30))
    forged = [code[:-1] + last for last in "ABCDwxyz019-_" if last != code[-1]]
    for bad in (*forged, code[::-1], "", "x" * 37, "ü", code[:-4], code + "="):
        with pytest.raises(InvalidInput):
            await visits.check_in(staff, bad, str(new_id()))
    done = await visits.check_in(staff, code, "scan-0001")
    assert done.state is State.ATTENDED
    assert await visits.check_in(staff, code, "scan-0001") == done
    assert await refusal(visits.check_in(staff, code, "scan-0002")) == "CODE_INVALID"
    assert visits.check_in_code(app, done) is None
    assert await refusal(service.cancel(viewer, booking.id, "cancel-1")) == "ILLEGAL_STATE"


async def test_missed_appointments_lead_to_a_ban_and_it_ends(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (viewer,) = await people(app, call, 1)
    staff = call(level=1, roles=frozenset({Role.DEPARTMENT_OFFICER}))
    for _ in range(3):
        (slot,) = await offer(app, 2 * HOUR)
        booking = await book(viewer, slot)
        clock.move(2 * HOUR + timedelta(minutes=30))
        code = visits.check_in_code(app, booking)
        assert code is not None
        assert await refusal(visits.check_in(staff, code, str(new_id()))) == "CHECK_IN_LATE"
        await visits.sweep(app)
        assert (await service.get_booking(viewer, booking.id)).state is State.MISSED
        clock.move(DAY)
    (slot,) = await offer(app, 2 * DAY)
    assert await refusal(hold(viewer, slot)) == "BANNED"
    assert await used(slot) == 0
    clock.move(31 * DAY)
    (slot,) = await offer(app, 2 * DAY)
    assert (await hold(viewer, slot)).state is State.HELD


async def test_a_wedding_needs_two_and_naming_somebody_takes_no_place(
    app: App, call: MakeCall
) -> None:
    service_id = "marriage-registration-appointment"
    slot, later = await offer(app, 3 * DAY, 4 * DAY, capacity=4, service_id=service_id)
    bride, groom = await people(app, call, 2)
    partner = Companion("甄示范", resident_id(2))

    async def ask(viewer: Call, slot_id: UUID, *others: Companion) -> BookingRow:
        return await service.hold(
            viewer, slot_id, item_id=ITEMS[service_id], companions=others, key=str(new_id())
        )

    for wrong, code in (
        ([], "COMPANIONS"),
        ([partner, Companion("贾样例", resident_id(3))], "COMPANIONS"),
        ([Companion("甄示范", "110101199001011234")], "COMPANION_INVALID"),
        ([Companion("", resident_id(2))], "COMPANION_INVALID"),
        ([Companion("甄示范", resident_id(1))], "COMPANION_TWICE"),
    ):
        assert await refusal(ask(bride, slot, *wrong)) == code
    assert await count("appointments_booking") == 0
    await ask(bride, slot, partner)
    assert await refusal(ask(bride, later, Companion("贾样例", resident_id(3)))) == "LIMIT_OPEN"
    assert (await ask(groom, later, Companion("贾样例", resident_id(3)))).state is State.HELD
    rows = await fetch_all(connection(), "SELECT * FROM appointments_companion")
    assert len(rows) == 2 and resident_id(2).encode() not in bytes(rows[0]["resident_sealed"])


async def test_one_inspection_per_plate(app: App, call: MakeCall) -> None:
    service_id = "vehicle-inspection-appointment"
    slot, later = await offer(app, 3 * DAY, 4 * DAY, capacity=4, service_id=service_id)
    owner, other = await people(app, call, 2)

    async def ask(viewer: Call, slot_id: UUID, plate: str | None) -> BookingRow:
        return await service.hold(
            viewer, slot_id, item_id="periodic", subject=plate, key=str(new_id())
        )

    for plate in (None, "", "鲁A", "ABC", "鲁A1234O", "鲁A1234567"):
        assert await refusal(ask(owner, slot, plate)) == "SUBJECT_INVALID"
    held = await ask(owner, slot, "鲁 a·8k2t6")
    assert await refusal(ask(owner, later, "鲁A8K2T6")) == "LIMIT_SUBJECT"
    assert (await ask(other, later, "鲁A8K2T6")).state is State.HELD, "typing it takes no place"
    await service.cancel(owner, held.id, "cancel-1")
    assert (await ask(owner, later, "鲁A8K2T6")).state is State.HELD


async def test_a_second_account_is_the_same_person(app: App, call: MakeCall) -> None:
    """Limits hang on the resident ID or the phone: the account may be a new one."""
    first, second = await offer(app, 3 * DAY, 3 * DAY + timedelta(hours=1), capacity=4)
    old = call(user_id=await citizen(app, 1), level=2)
    await book(old, first)
    await Citizen.filter(id=old.subject_id).update(
        phone_index=None, resident_index=None, closed_at=app.clock.now()
    )
    new = call(user_id=await citizen(app, 1), level=2)
    assert await refusal(hold(new, second)) == "LIMIT_DAY"
