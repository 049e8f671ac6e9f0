"""A calendar that is published when people are booked already: its holidays are called off."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest

from core.city import Calendar
from core.clock import SHANGHAI, ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.errors import Conflict
from core.texts import Named
from kinds.booking import closures, publishing, service, slot_store
from kinds.booking import queue as standing
from kinds.booking.domain import State
from kinds.booking.models import Booking, Resource
from kinds.booking.policy import policy_of, rules_of
from kinds.booking.schedule import PlannedSlot
from kinds.booking.slot_store import Described, SlotFacts
from kinds.booking.store import BookingRow
from tests.kinds.booking.engine import (
    HALL,
    MakeCall,
    book,
    broken_invariants,
    count,
    hold,
    offer,
    people,
)
from tests.kinds.booking.till import Till
from tests.payments.world import Queue

TODAY = datetime(2027, 1, 27, 9, tzinfo=SHANGHAI)
WEDNESDAY = date(2027, 2, 10)
COURT = Described(Named("体育馆", "Sports centre"), Named("", ""), Named("场地", "Court"))
MAKE_UP_DAY = date(2027, 2, 13)


def published(app: App, holidays: Sequence[date], make_up_days: Sequence[date] = ()) -> App:
    """The same city once 2027's calendar is in its file."""
    known = app.city.calendar
    calendar = Calendar(
        known.holidays | set(holidays), known.make_up_days | set(make_up_days), known.years | {2027}
    )
    return replace(app, city=replace(app.city, calendar=calendar))


def days(first_on: date, last_on: date) -> list[date]:
    return [first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1)]


@pytest.fixture
def queue(app: App, clock: ManualClock) -> Queue:
    return Queue(app, clock)


@pytest.fixture
async def hall(app: App, clock: ManualClock) -> UUID:
    """The first place of the service halls, on offer as far as 15 February 2027."""
    clock.move(TODAY - clock.now())
    await publish(app)
    resource = await Resource.get(service_id=HALL, ref=rules_of(app).venues[HALL][0].ref)
    return resource.id


async def publish(app: App) -> int:
    policy = replace(policy_of(app, HALL), horizon_days=20)
    return await publishing.publish(app, HALL, policy, rules_of(app).venues[HALL][0])


async def slots_on(hall: UUID, day: date) -> dict[str, UUID]:
    """The slots on offer on a day, by clock time."""
    begins_at = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    rows = await slot_store.list_slots(hall, begins_at, begins_at + timedelta(days=1))
    return {f"{facts.starts_at.astimezone(SHANGHAI):%H:%M}": facts.slot_id for facts, _ in rows}


async def slots_in_order(place: UUID) -> list[UUID]:
    """All slots of a place, the first one first."""
    sql = "SELECT id FROM appointments_slot WHERE resource_id = $1 ORDER BY starts_at"
    return [row["id"] for row in await fetch_all(connection(), sql, place)]


async def templates() -> list[str]:
    sql = "SELECT template FROM notifications_message ORDER BY position"
    rows = await fetch_all(connection(), sql)
    return [row["template"].removeprefix("appointments.") for row in rows]


async def successor(call: Call, booking: BookingRow) -> BookingRow:
    old = await service.get_booking(call, booking.id)
    assert (old.state, old.replaced_by is None) == (State.CANCELLED, False)
    assert old.replaced_by is not None
    return await service.get_booking(call, old.replaced_by)


async def test_who_is_booked_on_a_new_holiday_is_moved_and_told_once(
    app: App, call: MakeCall, hall: UUID, queue: Queue
) -> None:
    closed, kept = await slots_on(hall, WEDNESDAY), await slots_on(hall, date(2027, 2, 3))
    first, second, other, holder = await people(app, call, 4)
    booked, also = await book(first, closed["10:00"]), await book(second, closed["10:00"])
    elsewhere, held = await book(other, kept["10:00"]), await hold(holder, closed["14:00"])
    assert await slots_on(hall, MAKE_UP_DAY) == {}
    later = published(app, days(date(2027, 2, 4), date(2027, 2, 12)), [MAKE_UP_DAY])
    assert await publish(later) > 0
    await queue.run_due()
    assert await slots_on(hall, WEDNESDAY) == {}
    for who, booking in ((first, booked), (second, also)):
        moved = await successor(who, booking)
        assert moved.state is State.CONFIRMED
        assert moved.starts_at.astimezone(SHANGHAI) == datetime(2027, 2, 13, 10, tzinfo=SHANGHAI)
    assert (await service.get_booking(other, elsewhere.id)).state is State.CONFIRMED
    assert (await service.get_booking(holder, held.id)).state is State.CANCELLED
    assert sorted(await templates()) == ["called_off", *["confirmed"] * 3, *["relocated"] * 2]
    every = [*closed.values(), *kept.values(), *(await slots_on(hall, MAKE_UP_DAY)).values()]
    assert await broken_invariants(every) == []
    bookings = await count("appointments_booking")
    assert await publish(later) == 0
    await closures.relocate(later, booked.id)
    await queue.run_due()
    assert await count("appointments_booking") == bookings
    assert len(await templates()) == 6
    assert await service.cancel(first, (await successor(first, booked)).id, "cancel-01")


async def test_a_hold_that_is_confirmed_while_its_slot_is_called_off_gets_another_time(
    app: App, call: MakeCall, hall: UUID, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = await slots_on(hall, WEDNESDAY)
    (viewer,) = await people(app, call, 1)
    held = await hold(viewer, closed["10:00"])
    find = slot_store.find_slot_facts

    async def confirmed_meanwhile(slot_id: UUID) -> SlotFacts | None:
        if (await service.get_booking(viewer, held.id)).state is State.HELD:
            await service.confirm(viewer, held.id, "confirm-1")
        return await find(slot_id)

    monkeypatch.setattr(slot_store, "find_slot_facts", confirmed_meanwhile)
    await publish(published(app, days(date(2027, 2, 4), date(2027, 2, 12)), [MAKE_UP_DAY]))
    await queue.run_due()
    moved = await successor(viewer, held)
    assert moved.state is State.CONFIRMED
    assert moved.starts_at.astimezone(SHANGHAI) == datetime(2027, 2, 13, 10, tzinfo=SHANGHAI)
    assert await templates() == ["confirmed", "relocated"]


async def test_without_another_time_the_booking_ends(
    app: App, call: MakeCall, hall: UUID, queue: Queue
) -> None:
    closed = await slots_on(hall, WEDNESDAY)
    (viewer,) = await people(app, call, 1)
    booked = await book(viewer, closed["10:00"])
    await publish(published(app, days(civil_date(TODAY), date(2027, 2, 28))))
    await queue.run_due()
    ended = await service.get_booking(viewer, booked.id)
    assert (ended.state, ended.replaced_by) == (State.CANCELLED, None)
    assert await templates() == ["confirmed", "called_off"]
    assert await count("appointments_slot", "cancelled_at IS NULL AND starts_at > $1", TODAY) == 0


async def test_a_time_that_could_not_be_given_back_is_given_to_nobody(
    app: App, call: MakeCall, hall: UUID, queue: Queue, clock: ManualClock
) -> None:
    """Tomorrow is the only open day, and what it asks is a day's notice."""
    tomorrow = civil_date(TODAY) + timedelta(days=1)
    soon = await slots_on(hall, tomorrow)
    (viewer,) = await people(app, call, 1)
    booked = await book(viewer, (await slots_on(hall, WEDNESDAY))["10:00"])
    closing = published(app, days(tomorrow + timedelta(days=1), date(2027, 2, 28)))
    last_at = datetime(2027, 1, 28, 15, 40, tzinfo=SHANGHAI)  # the last slot begins at 16:30
    clock.move(last_at - clock.now())
    await publish(closing)
    await queue.run_due()
    assert (await service.get_booking(viewer, booked.id)).state is State.CANCELLED
    assert await Booking.filter(slot_id__in=list(soon.values())).count() == 0


async def test_a_day_that_opens_again_is_on_offer_again(app: App, hall: UUID) -> None:
    before = await slots_on(hall, WEDNESDAY)
    await publish(published(app, [WEDNESDAY]))
    assert await slots_on(hall, WEDNESDAY) == {}
    await publish(app)
    assert await slots_on(hall, WEDNESDAY) == before


async def test_a_paid_fee_goes_back(
    app: App, call: MakeCall, till: Till, clock: ManualClock
) -> None:
    """A sports hall is closed altogether; its courts are paid for in advance."""
    clock.move(TODAY - clock.now())
    courts = "venue-booking"
    policy = replace(policy_of(app, courts), queue=None, release=None)
    venue = rules_of(app).venues[courts][0]
    await publishing.publish(app, courts, policy, venue)
    resource = await Resource.get(service_id=courts, ref=venue.ref)
    slots = await slots_on(resource.id, date(2027, 1, 30))
    (viewer,) = await people(app, call, 1)
    held = await service.hold(viewer, slots["09:00"], item_id="court", key="hold-0001")
    await till.pay_for(viewer, held.id)
    assert (await service.get_booking(viewer, held.id)).state is State.CONFIRMED
    over = [replace(timetable, last_on=date(2026, 1, 1)) for timetable in venue.timetables]
    shut = replace(venue, timetables=over)
    await publishing.publish(app, courts, policy, shut)
    await till.queue.run_due()
    assert (await service.get_booking(viewer, held.id)).state is State.CANCELLED
    assert "refunded" in await templates()
    await till.check_books()


async def test_a_place_that_the_city_file_has_no_more_is_closed(
    app: App, call: MakeCall, queue: Queue
) -> None:
    viewer, holder = await people(app, call, 2)
    slots = await offer(app, timedelta(days=2), timedelta(days=3))
    booked, held = await book(viewer, slots[0]), await hold(holder, slots[1])
    for _ in range(2):
        await publishing.seed(app)
        await queue.run_due()
    for who, booking in ((viewer, booked), (holder, held)):
        assert (await service.get_booking(who, booking.id)).state is State.CANCELLED
    assert (await templates()).count("called_off") == 2
    assert await count("appointments_slot", "cancelled_at IS NOT NULL") == len(slots)
    shown = await service.list_places(viewer, HALL)
    assert {place.ref for place in shown} == {venue.ref for venue in rules_of(app).venues[HALL]}


async def test_a_slot_ends_when_its_timetable_says_whenever_that_was_written(
    app: App, call: MakeCall, hall: UUID
) -> None:
    venue, policy = rules_of(app).venues[HALL][0], replace(policy_of(app, HALL), horizon_days=20)
    (viewer,) = await people(app, call, 1)
    booked = await book(viewer, (await slots_on(hall, WEDNESDAY))["10:00"])
    for minutes in (15, 60, 30):
        slot = timedelta(minutes=minutes)
        timetables = [replace(one, slot=slot) for one in venue.timetables]
        changed = replace(venue, timetables=timetables)
        assert await publishing.publish(app, HALL, policy, changed) > 0
        assert await publishing.publish(app, HALL, policy, changed) == 0
        begins_at = datetime.combine(WEDNESDAY, time(), SHANGHAI)
        rows = await slot_store.list_slots(hall, begins_at, begins_at + timedelta(days=1))
        assert {facts.ends_at - facts.starts_at for facts, _ in rows} == {slot}
        ours = await service.get_booking(viewer, booked.id)
        assert (ours.state, ours.ends_at - ours.starts_at) == (State.CONFIRMED, slot)


async def _plan(slot_id: UUID, capacity: int) -> None:
    """The plan of a slot has another number of seats."""
    facts = await slot_store.find_slot_facts(slot_id)
    assert facts is not None
    planned = PlannedSlot(facts.starts_at, facts.ends_at, capacity, facts.releases_at)
    async with transaction() as tx:
        await slot_store.insert_planned(tx, facts.resource_id, facts.service_id, [planned])


async def _free(slot_id: UUID) -> int:
    sql = "SELECT capacity - used AS free FROM appointments_slot WHERE id = $1"
    return int((await fetch_all(connection(), sql, slot_id))[0]["free"])


async def test_a_place_with_fewer_seats_than_are_booked_gives_none_of_those_away_again(
    app: App, call: MakeCall
) -> None:
    """Who is booked stays booked; what is given back is given to nobody until there is room."""
    (slot,) = await offer(app, timedelta(days=3), capacity=4)
    *booked, late = await people(app, call, 5)
    rows = [await book(viewer, slot) for viewer in booked]
    await _plan(slot, 2)
    assert [(await service.get_booking(*pair)).state for pair in zip(
        booked, (row.id for row in rows), strict=True)] == [State.CONFIRMED] * 4  # fmt: skip
    for n, free in enumerate((0, 0, 1)):
        await service.cancel(booked[n], rows[n].id, f"cancel-{n}")
        assert await _free(slot) == free
        if not free:
            with pytest.raises(Conflict):
                await book(late, slot)
    await _plan(slot, 2)
    assert await _free(slot) == 1
    assert (await book(late, slot)).state is State.CONFIRMED
    await _plan(slot, 1)
    await _plan(slot, 3)  # and back again
    assert await _free(slot) == 1
    await service.cancel(booked[3], rows[3].id, "cancel-3")
    assert await _free(slot) == 2
    assert await broken_invariants([slot]) == []


async def test_who_is_moved_takes_no_seat_before_which_a_queue_stands(
    app: App, call: MakeCall, clock: ManualClock, till: Till
) -> None:
    release_in, venue = timedelta(minutes=9), "venue-booking"
    now, ref = app.clock.now(), "test-queue"
    starts = (now + timedelta(days=2), now + timedelta(days=3), now + timedelta(days=9))
    releases = (None, now + release_in, None)
    planned = [
        PlannedSlot(at, at + timedelta(minutes=30), 1, released)
        for at, released in zip(starts, releases, strict=True)
    ]
    async with transaction() as tx:
        place = await slot_store.ensure_resource(
            tx, service_id=venue, ref=ref, described=COURT, limit_group=f"{venue}/{ref}"
        )
        await slot_store.insert_planned(tx, place, venue, planned)
    called_off, queued, plain = await slots_in_order(place)
    mover, waiter = (await people(app, call, 1))[0], call(level=1)
    held = await service.hold(mover, called_off, item_id="entry", key="hold-0001")
    if held.awaits_payment:
        await till.pay_for(mover, held.id)
    else:
        await service.confirm(mover, held.id, "confirm-1")
    ticket = await standing.join(waiter, place)
    clock.move(release_in)
    admitted = await standing.get_status(waiter, ticket.ticket.id)
    assert admitted.admission is not None
    async with transaction() as tx:
        await closures.call_off(
            app, tx, place, until=now + timedelta(days=20), planned=[one.ref for one in planned[1:]]
        )
    await closures.relocate(app, held.id)
    moved = await successor(mover, held)
    assert moved.slot_id == plain, "the seat in the queue is promised"
    taken = await service.hold(
        waiter, queued, item_id="entry", admission=admitted.admission, key="hold-0002"
    )
    assert taken.state is State.HELD
