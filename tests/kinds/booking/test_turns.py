"""After the draw: seats that come free, latecomers, and the ways past a queue that are closed."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.errors import Conflict
from core.ids import new_id
from kinds.booking import queue, queue_store, service, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import WaitState
from kinds.booking.models import Wait
from kinds.booking.queue import TicketState, TicketStatus
from tests.kinds.booking.engine import MakeCall, offer, refusal, used
from tests.kinds.booking.people import citizen, guardian_of, make_account
from tests.kinds.booking.releases import (
    ITEM,
    RELEASE_IN,
    TURN,
    VENUE,
    Worker,
    take,
)

SEATS = 3
A_TURN = TURN + timedelta(seconds=1)


class Queue:
    """A slot with three seats, and people who stood in its queue before the release."""

    def __init__(self, worker: Worker, slot: UUID, place: UUID, people: list[Call]) -> None:
        self.worker, self.slot, self.place, self.people = worker, slot, place, people
        self.tickets: dict[UUID, UUID] = {}

    async def standing(self, viewer: Call) -> TicketStatus:
        return await queue.get_status(viewer, self.tickets[viewer.subject_id])

    async def come(self, viewer: Call) -> TicketStatus:
        standing = await queue.join(viewer, self.place)
        self.tickets[viewer.subject_id] = standing.ticket.id
        return standing

    async def in_order(self) -> list[Call]:
        standings = {viewer.subject_id: await self.standing(viewer) for viewer in self.people}
        return sorted(self.people, key=lambda p: standings[p.subject_id].ticket.position or 0)

    async def take(self, viewer: Call) -> UUID:
        admission = (await self.standing(viewer)).admission
        return (await take(viewer, self.slot, admission)).id

    async def states(self) -> Counter[str]:
        return Counter([(await self.standing(viewer)).state.value for viewer in self.people])

    async def wait(self, viewer: Call) -> UUID:
        facts = await availability_of(viewer.app).find(self.slot)
        assert facts is not None
        row = await waiting.join(
            viewer, self.place, civil_date(facts.starts_at),
            item_id=ITEM, subject=None, key=str(new_id()),
        )  # fmt: skip
        return row.id


async def released(app: App, call: MakeCall, clock: ManualClock, visitors: int) -> Queue:
    """A release whose order is drawn."""
    (slot,) = await offer(
        app, timedelta(days=2), capacity=SEATS, service_id=VENUE, releases_in=RELEASE_IN
    )
    facts = await availability_of(app).find(slot)
    assert facts is not None
    people = [call(level=1) for _ in range(visitors)]
    for viewer in people:
        await make_account(app, viewer)
    line = Queue(Worker(app, clock), slot, facts.resource_id, people)
    for viewer in people:
        await line.come(viewer)
    await line.worker.run_for(RELEASE_IN)
    return line


async def test_a_seat_given_back_goes_to_the_next_in_the_order(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    line = await released(app, call, clock, 6)
    first, second, third, fourth, fifth, _ = await line.in_order()
    booked = [await line.take(viewer) for viewer in (first, second, third)]
    await line.worker.run_for(A_TURN)
    assert await line.states() == {"sold_out": 6}
    await service.cancel(first, booked[0], "cancel-01")
    assert await refusal(take(first, line.slot, None)) == "NOT_ADMITTED", "their turn is over"
    await line.worker.run_due()
    assert (await line.standing(fourth)).state is TicketState.ADMITTED
    assert (await line.standing(fifth)).state is TicketState.WAITING
    await line.take(fourth)
    assert await used(line.slot) == SEATS


async def test_an_admission_keeps_its_seat_to_the_end_of_the_turn(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    line = await released(app, call, clock, 5)
    first, second, third, fourth, _ = await line.in_order()
    given_back = await line.take(first)
    await service.cancel(first, given_back, "cancel-01")
    await line.worker.run_due()
    assert (await line.standing(fourth)).state is TicketState.WAITING, "the first may come again"
    clock.move(TURN - timedelta(seconds=2))
    for viewer in (second, third):
        await line.take(viewer)
    await line.worker.run_for(timedelta(seconds=3))
    assert await line.states() == {"passed": 3, "admitted": 1, "waiting": 1}
    again = await line.come(first)
    assert (again.state, again.ticket.position) == (TicketState.WAITING, 6)


async def test_who_comes_late_is_admitted_where_seats_are_left(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    """And never stands in the way of the others."""
    line = await released(app, call, clock, 1)
    stranger, late, later = [call(level=1) for _ in range(3)]
    assert await refusal(take(stranger, line.slot, None)) == "NOT_ADMITTED"
    await line.worker.run_for(3 * A_TURN)
    assert (await line.come(late)).state is TicketState.ADMITTED
    assert (await line.come(later)).state is TicketState.ADMITTED
    for viewer in (later, late):
        await line.take(viewer)
    clock.move(timedelta(seconds=1))  # what is known of a queue is a second old at most
    assert (await take(stranger, line.slot, None)).booked_by == stranger.subject_id


async def test_no_way_past_a_queue(app: App, call: MakeCall, clock: ManualClock) -> None:
    line = await released(app, call, clock, 5)
    script, friend = call(level=1), call(level=1)
    for viewer in (script, friend):
        await make_account(app, viewer)
    (quiet,) = await offer(app, timedelta(days=4), service_id=VENUE)
    elsewhere = await take(script, quiet, None)
    await service.confirm(script, elsewhere.id, "confirm-1")
    move = service.reschedule(script, elsewhere.id, line.slot, "move-0001")
    assert await refusal(move) == "NOT_ADMITTED"
    wait_id = await line.wait(friend)
    await line.worker.run_due()
    assert (await Wait.get(id=wait_id)).state == WaitState.WAITING
    assert await used(line.slot) == 0
    assert (await line.states())["admitted"] == SEATS


async def test_an_admission_is_good_for_one_seat_whoever_it_is_for(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    line = await released(app, call, clock, SEATS)
    parent, *others = await line.in_order()
    children = [await citizen(app, number) for number in (1, 2)]
    for child_id in children:
        await guardian_of(app, parent, child_id)
    admission = (await line.standing(parent)).admission

    async def take_for(child_id: UUID | None) -> UUID:
        row = await service.hold(
            parent, line.slot, item_id=ITEM, admission=admission, on_behalf_of=child_id,
            key=str(new_id()),
        )  # fmt: skip
        return row.id

    attempts = [take_for(whom) for whom in (None, *children)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [one.code for one in outcomes if isinstance(one, Conflict)]
    assert refused == ["LIMIT_TURN"] * 2
    assert await used(line.slot) == 1
    for viewer in others:
        await line.take(viewer)
    (first,) = [one for one in outcomes if isinstance(one, UUID)]
    await service.cancel(parent, first, "cancel-01")
    assert await take_for(children[0]), "what was given back may be taken again"
    assert await used(line.slot) == SEATS


async def test_what_was_taken_is_answered_again_after_the_turn(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    line = await released(app, call, clock, 5)
    first, *_ = await line.in_order()
    admission = (await line.standing(first)).admission

    async def send(key: str, item_id: str = ITEM) -> UUID:
        held = service.hold(first, line.slot, item_id=item_id, admission=admission, key=key)
        return (await held).id

    held = await send("hold-0001")
    clock.move(A_TURN)
    assert await send("hold-0001") == held
    assert await refusal(send("hold-0001", "court")) == "KEY_REUSED"
    assert await refusal(send("hold-0002")) == "NOT_ADMITTED"
    assert await used(line.slot) == 1


async def test_what_a_queue_leaves_over_goes_to_the_waiting_list(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    line = await released(app, call, clock, 4)
    waiter = call(level=1)
    await make_account(app, waiter)
    wait_id = await line.wait(waiter)
    await line.worker.run_for(3 * A_TURN)
    assert (await Wait.get(id=wait_id)).state == WaitState.OFFERED
    assert await used(line.slot) == 1


async def test_a_queue_is_over_after_an_hour(app: App, call: MakeCall, clock: ManualClock) -> None:
    line = await released(app, call, clock, 40)
    stranger, waiter = call(level=1), call(level=1)
    await make_account(app, waiter)
    await line.worker.run_for(queue_store.LASTS - timedelta(seconds=1))
    assert await refusal(take(stranger, line.slot, None)) == "NOT_ADMITTED"
    wait_id = await line.wait(waiter)
    await line.worker.run_for(timedelta(seconds=1))
    assert (await Wait.get(id=wait_id)).state == WaitState.OFFERED
    assert (await line.states()) == {"admitted": 40}
    assert (await take(stranger, line.slot, None)).booked_by == stranger.subject_id
