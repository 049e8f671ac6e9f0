"""The rush: one ticket each, a fair draw, admissions that are bound to a person."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import AppError, Conflict, Forbidden, NotFound
from core.ids import new_id
from core.queue.jobs import Early
from kinds.booking import jobs, queue, service
from kinds.booking.domain import State
from kinds.booking.models import Ticket
from kinds.booking.queue import TicketState, TicketStatus
from kinds.booking.service import SlotFull
from kinds.booking.store import BookingRow
from tests.kinds.booking.engine import MakeCall, broken_invariants, count, offer, used
from tests.machine import PATIENCE_S

VENUE = "venue-booking"
RELEASE_IN = timedelta(minutes=9)
SEATS = 3


async def rush(app: App, call: MakeCall, visitors: int) -> tuple[UUID, UUID, list[Call]]:
    """A slot with three seats that is released in nine minutes, and people who want it."""
    (slot,) = await offer(
        app, timedelta(days=2), capacity=SEATS, service_id=VENUE, releases_in=RELEASE_IN
    )
    rows = await fetch_all(
        connection(), "SELECT resource_id FROM appointments_slot WHERE id = $1", slot
    )
    return slot, rows[0]["resource_id"], [call(level=1) for _ in range(visitors)]


async def take(viewer: Call, slot: UUID, admission: str | None) -> BookingRow:
    return await service.hold(viewer, slot, item_id="entry", admission=admission, key=str(new_id()))


async def standings(people: list[Call], tickets: list[TicketStatus]) -> list[TicketStatus]:
    return [await queue.get_status(p, t.ticket.id) for p, t in zip(people, tickets, strict=True)]


async def test_a_release_from_queue_to_sold_out(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    slot, place, people = await rush(app, call, 10)
    tickets = list(await asyncio.gather(*(queue.join(viewer, place) for viewer in people)))
    again = await asyncio.gather(*(queue.join(people[0], place) for _ in range(50)))
    assert {s.ticket.id for s in again} == {tickets[0].ticket.id}
    assert await count("appointments_ticket") == 10
    assert {s.state for s in tickets} == {TicketState.BEFORE_DRAW}
    assert all(s.release.drawn_at is None for s in tickets)
    clock.move(RELEASE_IN)
    drawn = await standings(people, tickets)
    assert sorted(s.ticket.position or 0 for s in drawn) == list(range(1, 11))
    admitted = [n for n, s in enumerate(drawn) if s.state is TicketState.ADMITTED]
    waiting = [n for n, s in enumerate(drawn) if s.state is TicketState.WAITING]
    assert (len(admitted), len(waiting)) == (SEATS, 10 - SEATS)
    assert sorted(drawn[n].ahead or 0 for n in waiting) == list(range(10 - SEATS))
    for n in waiting:
        for admission in (None, "x", drawn[admitted[0]].admission):
            with pytest.raises(Forbidden) as refused:
                await take(people[n], slot, admission)
            assert refused.value.code == "NOT_ADMITTED"
    assert await used(slot) == 0
    for n in admitted:
        assert (await take(people[n], slot, drawn[n].admission)).state is State.HELD
    assert await used(slot) == SEATS
    after = await standings(people, tickets)
    assert {s.state for s in after} == {TicketState.SOLD_OUT}


def draw_order(seed: bytes, person_keys: Sequence[bytes]) -> list[bytes]:
    """The order that a seed gives to people, as anybody can work it out afterwards."""
    return sorted(person_keys, key=lambda person: hashlib.sha256(seed + person).digest())


async def test_the_order_is_the_published_one(app: App, call: MakeCall, clock: ManualClock) -> None:
    _, place, people = await rush(app, call, 25)
    tickets = [await queue.join(viewer, place) for viewer in people]
    clock.move(RELEASE_IN)
    await queue.draw(app, tickets[0].release.id)
    await queue.draw(app, tickets[0].release.id)
    standing = await queue.get_status(people[0], tickets[0].ticket.id)
    seed = bytes(standing.release.seed)
    assert hashlib.sha256(seed).digest() == bytes(tickets[0].release.seed_hash)
    rows = await Ticket.filter(release_id=standing.release.id).order_by("position")
    keys = [bytes(row.person_key) for row in rows]
    assert keys == draw_order(seed, keys)
    joined = [row.joined_at for row in rows]
    assert standing.release.draw and len(joined) == 25


async def test_a_draw_that_a_clock_calls_early_is_put_back(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    _, place, people = await rush(app, call, 1)
    ticket = await queue.join(people[0], place)
    clock.move(RELEASE_IN - timedelta(milliseconds=50))
    with pytest.raises(Early) as early:
        await queue.draw(app, ticket.release.id)
    assert early.value.wait == timedelta(milliseconds=50)
    assert (await queue.get_status(people[0], ticket.ticket.id)).release.drawn_at is None
    assert await count("pgqueuer", "entrypoint = 'appointments.draw'") == 1, "whoever asks"
    clock.move(timedelta(milliseconds=50))
    await queue.draw(app, ticket.release.id)
    assert (await queue.get_status(people[0], ticket.ticket.id)).release.drawn_at is not None


async def test_who_was_admitted_and_did_not_come_makes_room(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    slot, place, people = await rush(app, call, 8)
    tickets = [await queue.join(viewer, place) for viewer in people]
    clock.move(RELEASE_IN)
    first = await standings(people, tickets)
    one = next(n for n, s in enumerate(first) if s.state is TicketState.ADMITTED)
    await take(people[one], slot, first[one].admission)
    clock.move(timedelta(minutes=5))
    assert not queue.is_good(
        app,
        first[one].admission or "",
        first[one].release.id,
        people[one].require_viewer().user_id,
    )
    await jobs.admit(app, first[0].release.id, clock.now())
    second = await standings(people, tickets)
    states = Counter(s.state for s in second)
    assert states == {"passed": SEATS, "admitted": SEATS - 1, "waiting": 8 - SEATS - SEATS + 1}


async def test_the_end_of_a_turn_that_a_clock_calls_early_is_put_back(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    _, place, people = await rush(app, call, SEATS + 1)
    tickets = [await queue.join(viewer, place) for viewer in people]
    clock.move(RELEASE_IN)
    await standings(people, tickets)
    (job, *_) = await fetch_all(
        connection(),
        """UPDATE pgqueuer SET status = 'picked' WHERE entrypoint = 'appointments.admit'
              AND dedupe_key IS NOT NULL RETURNING payload""",
    )
    clock.move(timedelta(minutes=5, milliseconds=-50))
    kind = app.queue.kinds["appointments.admit"]
    await kind.run(app, job["payload"])
    again = await fetch_all(
        connection(),
        """SELECT payload FROM pgqueuer WHERE entrypoint = 'appointments.admit'
              AND status = 'queued' AND execute_after < now() + interval '1 s'""",
    )
    assert again == [job]
    clock.move(timedelta(milliseconds=50))
    await kind.run(app, job["payload"])
    states = Counter(s.state for s in await standings(people, tickets))
    assert states == {"passed": SEATS, "admitted": 1}


async def test_who_comes_late_stands_behind_and_queues_have_hours(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    _, place, people = await rush(app, call, 6)
    early, late = people[:5], people[5]
    clock.move(-timedelta(minutes=2))
    with pytest.raises(Conflict) as refused:
        await queue.join(late, place)
    assert refused.value.code == "QUEUE_CLOSED"
    clock.move(timedelta(minutes=2))
    for viewer in early:
        await queue.join(viewer, place)
    clock.move(RELEASE_IN)
    standing = await queue.join(late, place)
    assert standing.ticket.position == 6
    with pytest.raises(NotFound):
        await queue.get_status(early[0], standing.ticket.id)
    with pytest.raises(NotFound):
        await queue.join(late, new_id())


async def test_nothing_is_booked_past_the_queue_before_the_draw(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    slot, place, people = await rush(app, call, 5)
    await queue.join(people[0], place)
    with pytest.raises(AppError):
        await take(people[1], slot, None)
    clock.move(RELEASE_IN)
    with pytest.raises(Forbidden):
        await take(people[1], slot, None)
    assert await used(slot) == 0


async def test_without_a_queue_the_release_is_open_to_all(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    slot, _, people = await rush(app, call, 40)
    clock.move(RELEASE_IN)
    outcomes = await asyncio.gather(
        *(take(viewer, slot, None) for viewer in people), return_exceptions=True
    )
    assert sum(isinstance(o, BookingRow) for o in outcomes) == SEATS
    assert sum(isinstance(o, SlotFull) for o in outcomes) == 40 - SEATS
    assert await broken_invariants([slot]) == []


def test_the_lot_is_fair_whatever_the_order_of_coming() -> None:
    """1,000 draws, 20 people, 5 seats: the share of each is that of the others."""
    chance = random.Random(20261122)
    people = [chance.randbytes(32) for _ in range(20)]
    wins = dict.fromkeys(people, 0)
    for _ in range(1_000):
        for winner in draw_order(chance.randbytes(32), people)[:5]:
            wins[winner] += 1
    hands = sum(wins[person] for person in people[1:]) / 19
    assert sum(wins.values()) == 5_000
    assert 0.9 <= wins[people[0]] / hands <= 1.1


async def test_a_script_gets_one_ticket_and_one_chance(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    """A hundred taps at once and a hundred later make one ticket among six."""
    script, *hands = [call(level=1) for _ in range(6)]
    _, place, _ = await rush(app, call, 0)
    for _ in range(2):
        await asyncio.gather(*(queue.join(script, place) for _ in range(100)))
    for hand in hands:
        await queue.join(hand, place)
    clock.move(RELEASE_IN)
    mine = await queue.join(script, place)
    assert await count("appointments_ticket", "release_id = $1", mine.release.id) == 6
    rows = await Ticket.filter(release_id=mine.release.id).order_by("position")
    keys = [bytes(row.person_key) for row in rows]
    assert keys == draw_order(bytes(mine.release.seed), sorted(keys))


async def test_who_watches_a_ticket_looks_again_where_news_may_be_lost(
    app: App, call: MakeCall, clock: ManualClock
) -> None:
    _, place, (viewer,) = await rush(app, call, 1)
    ticket = await queue.join(viewer, place)
    seen = queue.watch(viewer, ticket.ticket.id)
    assert (await anext(seen)).state is TicketState.BEFORE_DRAW
    following = asyncio.ensure_future(anext(seen))
    await asyncio.sleep(0)
    clock.move(RELEASE_IN)
    for hook in list(app.bus._gap_hooks):
        hook()
    assert (await asyncio.wait_for(following, PATIENCE_S)).state is TicketState.ADMITTED
    await seen.aclose()
