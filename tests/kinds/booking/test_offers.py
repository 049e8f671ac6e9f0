"""The waiting list makes offers: taken, given back, lapsed; when they end and who is next."""

from datetime import datetime, time, timedelta
from uuid import UUID

import pytest

from core.clock import SHANGHAI, ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection
from core.ids import new_id
from kinds.booking import jobs, messages, service, visits, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import State, WaitState, offer_end
from kinds.booking.models import Wait
from kinds.booking.policy import policy_of
from tests.kinds.booking.engine import (
    HALL,
    MakeCall,
    book,
    broken_invariants,
    count,
    offer,
    people,
    refusal,
    used,
)

DAY, HALF_HOUR = timedelta(days=1), timedelta(minutes=30)


async def wait_for(viewer: Call, slot: UUID) -> Wait:
    """A place in the list of a slot's day."""
    facts = await availability_of(viewer.app).find(slot)
    assert facts is not None
    day_on = civil_date(facts.starts_at)
    return await waiting.join(
        viewer, facts.resource_id, day_on, item_id="general", subject=None, key=str(new_id())
    )


async def state_of(wait: Wait) -> str:
    """Where a place in a list stands now."""
    return (await Wait.get(id=wait.id)).state


@pytest.mark.parametrize(
    ("now", "latest", "end"),
    [
        ("10:00", "2026-12-01T09:00", "2026-11-28T10:30"),
        ("10:00", "2026-11-28T10:10", "2026-11-28T10:10"),  # it must still be possible to cancel
        ("20:59", "2026-12-01T09:00", "2026-11-28T21:29"),
        ("21:00", "2026-12-01T09:00", "2026-11-29T08:30"),
        ("03:00", "2026-12-01T09:00", "2026-11-28T08:30"),
        ("03:00", "2026-11-28T07:30", "2026-11-28T07:30"),
    ],
)
def test_when_an_offer_ends(now: str, latest: str, end: str) -> None:
    made_at = datetime.combine(datetime(2026, 11, 28), time.fromisoformat(now), SHANGHAI)
    last, expected = (
        datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI) for moment in (latest, end)
    )
    assert offer_end(made_at, HALF_HOUR, last) == expected


async def test_an_offer_is_taken_given_back_or_lapses_and_the_next_one_gets_it(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (slot,) = await offer(app, 2 * DAY)
    holder, declines, sleeps, takes, last = await people(app, call, 5)
    booked = await book(holder, slot)
    waits = [await wait_for(viewer, slot) for viewer in (declines, sleeps, takes, last)]
    await service.cancel(holder, booked.id, "cancel-01")
    (offered,) = await service.list_bookings(declines, first=5, before=None)
    assert (offered.state, await state_of(waits[0])) == (State.HELD, "offered")
    (shown,) = await waiting.list_waits(declines, first=5)
    assert (shown.booking_id, shown.offered_until) == (offered.id, clock.now() + HALF_HOUR)
    assert await refusal(waiting.leave(declines, waits[0].id, "leave-01")) == "ILLEGAL_STATE"
    await service.cancel(declines, offered.id, "cancel-02")
    assert [await state_of(wait) for wait in waits] == ["lapsed", "offered", "waiting", "waiting"]
    (offered,) = await service.list_bookings(sleeps, first=5, before=None)
    clock.move(HALF_HOUR)
    assert await refusal(service.confirm(sleeps, offered.id, "confirm-1")) == "HOLD_EXPIRED"
    for _ in range(2):
        await visits.expire(app, [offered.id])
    (offered,) = await service.list_bookings(takes, first=5, before=None)
    assert (await service.confirm(takes, offered.id, "confirm-2")).state is State.CONFIRMED
    assert [await state_of(w) for w in waits] == ["lapsed", "lapsed", "promoted", "waiting"]
    assert await used(slot) == 1 and await broken_invariants([slot]) == []


async def test_the_message_says_until_when(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, 2 * DAY)
    (waiter,) = await people(app, call, 1)
    wait = await wait_for(waiter, slot)
    await jobs.refill(app, wait.resource_id, wait.day_on)
    await wait.refresh_from_db()
    assert wait.offered_until is not None and wait.booking_id is not None
    await messages.tell_job(app, wait.booking_id, "offered")
    rows = await connection().execute_query_dict("SELECT body_sealed FROM notifications_message")
    (body,) = (app.vault.decrypt(bytes(row["body_sealed"]), "notifications.body") for row in rows)
    assert f"{wait.offered_until.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" in body


async def test_who_was_elsewhere_is_offered_the_seat_once_free(app: App, call: MakeCall) -> None:
    (hall,), (other,) = await offer(app, 2 * DAY), await offer(app, 2 * DAY)
    holder, busy = await people(app, call, 2)
    taken, booked = await book(holder, hall), await book(busy, other)
    wait = await wait_for(busy, hall)
    await service.cancel(holder, taken.id, "cancel-01")
    await waiting.sweep(app)
    assert (await state_of(wait), await used(hall)) == ("waiting", 0)
    await service.cancel(busy, booked.id, "cancel-02")
    for _ in range(2):
        await waiting.sweep(app)
    assert (await state_of(wait), await used(hall)) == ("offered", 1)


async def test_days_that_are_over_take_no_place_among_the_lists(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    (viewer,) = await people(app, call, 1)
    waits = []
    for _ in range(waiting.WAITS_MAX):
        (slot,) = await offer(app, 2 * DAY)
        waits.append(await wait_for(viewer, slot))
    (later,) = await offer(app, 5 * DAY)
    assert await refusal(wait_for(viewer, later)) == "WAITS_FULL"
    clock.move(3 * DAY)
    await waiting.sweep(app)
    assert {await state_of(wait) for wait in waits} == {WaitState.LAPSED}
    assert await state_of(await wait_for(viewer, later)) == "waiting"


async def test_an_offer_counts_as_an_appointment_and_is_no_miss(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    """As many offers as may be open at once, and whoever lets them end is not banned."""
    (viewer,) = await people(app, call, 1)
    open_max = policy_of(app, HALL).open_max
    for days in range(2, 3 + open_max):
        (slot,) = await offer(app, days * DAY)
        wait = await wait_for(viewer, slot)
        await jobs.refill(app, wait.resource_id, wait.day_on)
    held = "state = 'held'"
    assert await count("appointments_booking", held) == open_max
    assert await state_of(wait) == "lapsed"
    clock.move(timedelta(days=1))
    await visits.sweep(app)
    assert await count("appointments_booking", held) == 0
    (slot,) = await offer(app, 8 * DAY)
    assert (await book(viewer, slot)).state is State.CONFIRMED
