"""A worker that dies in the middle, ten times: nothing lost, and what is sent again is known; one
that dies after a provider's answer was noted, or that comes late: nothing is sent again."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from notifications import api
from notifications.channels.port import Refused
from notifications.delivery.delivering import deliver_chunk
from notifications.messages.models import Delivery
from notifications.reach.models import Address
from notifications.templates.domain import SendLane
from notifications.templates.lanes import CHUNK
from tests.core.waiting import eventually
from tests.notifications.probe import audience, messages
from tests.notifications.probe.providers import Recorder

KILLS = 10


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_worker_killed_ten_times_loses_nothing(
    app: App, push: Recorder, clock: ManualClock, seed: int
) -> None:
    await _survive(app, push, clock, people=1_500, seed=seed)


@pytest.mark.soak
async def test_a_worker_killed_ten_times_in_a_school_morning(
    app: App, push: Recorder, clock: ManualClock
) -> None:
    await _survive(app, push, clock, people=150_000, seed=7)


async def _survive(app: App, push: Recorder, clock: ManualClock, *, people: int, seed: int) -> None:
    draw, ids = random.Random(seed), await _sent(app, people)
    chunks = [ids[start : start + CHUNK] for start in range(0, people, CHUNK)]
    for _ in range(KILLS):
        await _work_for_a_while(app, chunks, draw)
        clock.move(timedelta(minutes=2))  # the leases of the dead end
    while await Delivery.filter(state="created").exists():
        for chunk in chunks:
            await deliver_chunk(app, chunk, SendLane.NORMAL)
        clock.move(timedelta(minutes=2))
    given = Counter(outbound.ref for _, outbound in push.given)
    assert len(given) == people
    # what was given twice had one name both times, by which the provider shows it once
    again = {ref for ref, times in given.items() if times > 1}
    assert len(again) <= KILLS * 4 * CHUNK
    refs = {f"{row.id}" for row in await Delivery.all()}
    assert {ref.rpartition("-")[0] for ref in given} == refs


async def _sent(app: App, people: int) -> list[UUID]:
    await audience.make_crowd(app, people)
    members = [api.Member(row.person_id, "zh") for row in await Address.all()]
    for start in range(0, people, 1_000):
        parcels = [api.Parcel(m, {"text": "x"}) for m in members[start : start + 1_000]]
        async with transaction() as tx:
            await api.send_many(app, tx, messages.SERVICE, parcels, "school")
    return [row.id for row in await Delivery.all().only("id")]


async def _work_for_a_while(app: App, chunks: list[list[UUID]], draw: random.Random) -> None:
    """Four chunks at a time, in any order, until the worker dies wherever it happens to be."""
    tasks = [
        asyncio.create_task(deliver_chunk(app, chunk, SendLane.NORMAL))
        for chunk in draw.sample(chunks, min(4, len(chunks)))
    ]
    await asyncio.wait(tasks, timeout=draw.uniform(0.0, 0.1))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _die_with_a_note(app: App, push: Recorder, ids: list[UUID]) -> None:
    """Hand a chunk over and die between the note and the states."""
    answer = asyncio.Event()
    push.calls.append(answer)
    worker = asyncio.create_task(deliver_chunk(app, ids, SendLane.NORMAL))
    await eventually(lambda: _given(push), what="the handing over")
    async with app.once(f"notifications.desk.{SendLane.NORMAL}", asyncio.Lock):
        answer.set()
        await eventually(lambda: _noted(1), what="the note")
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def _given(push: Recorder) -> bool:
    return bool(push.given)


async def _noted(number: int) -> bool:
    return len(await fetch_all(connection(), "SELECT FROM notifications_handover")) == number


async def test_what_was_noted_is_not_handed_over_again(
    app: App, push: Recorder, clock: ManualClock
) -> None:
    ids = await _sent(app, 3)
    await _die_with_a_note(app, push, ids)
    assert await Delivery.filter(state="created").count() == 3
    clock.move(timedelta(minutes=2))
    await deliver_chunk(app, ids, SendLane.NORMAL)
    assert len(push.given) == 3
    refs = {outbound.ref for _, outbound in push.given}
    states = {(row.state, row.provider, row.provider_ref) for row in await Delivery.all()}
    assert states == {("sent", "probe_push", f"probe-{ref}") for ref in refs}


async def test_what_a_crashed_database_forgot_is_asked_again_under_its_name(
    app: App, push: Recorder, clock: ManualClock
) -> None:
    ids = await _sent(app, 3)
    await _die_with_a_note(app, push, ids)
    await connection().execute_query("DELETE FROM notifications_handover")  # a crash empties it
    clock.move(timedelta(minutes=2))
    await deliver_chunk(app, ids, SendLane.NORMAL)
    assert set(Counter(outbound.ref for _, outbound in push.given).values()) == {2}
    assert await Delivery.filter(state="sent").count() == 3
    assert await _noted(0)


async def test_a_worker_that_comes_late_changes_and_counts_nothing(
    app: App, push: Recorder, clock: ManualClock
) -> None:
    ids = await _sent(app, 1)
    answer = asyncio.Event()
    push.calls.append(answer)
    late = asyncio.create_task(deliver_chunk(app, ids, SendLane.NORMAL))
    await eventually(lambda: _given(push), what="the handing over")
    clock.move(timedelta(minutes=2))  # its lease ends
    await deliver_chunk(app, ids, SendLane.NORMAL)
    push.answers = {outbound.address: Refused("late") for _, outbound in push.given}
    answer.set()
    await late
    (delivery,) = await Delivery.all()  # and no other channel is tried
    assert (delivery.state, delivery.error) == ("sent", None)
    assert await _noted(0)


async def test_the_notes_are_kept_without_a_log(app: App) -> None:
    kept = "SELECT relpersistence::text AS how FROM pg_class WHERE relname = $1"
    assert await fetch_all(connection(), kept, "notifications_handover") == [{"how": "u"}]


async def test_a_death_changes_no_day_s_cap(app: App, push: Recorder, clock: ManualClock) -> None:
    await audience.make_crowd(app, 1)
    (address,) = await Address.all()
    member = api.Member(address.person_id, "zh")
    parcels = [api.Parcel(member, {"text": "x"}, f"news-{n}") for n in range(6)]
    async with transaction() as tx:
        await api.send_many(app, tx, messages.NEWS, parcels)
    ids = [row.id for row in await Delivery.all()]
    push.calls.append(asyncio.Event())
    worker = asyncio.create_task(deliver_chunk(app, ids, SendLane.BULK))
    await eventually(lambda: _given(push), what="the handing over")
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    for _ in range(2):
        clock.move(timedelta(minutes=2))
        await deliver_chunk(app, ids, SendLane.BULK)
    states = Counter((row.state, row.error) for row in await Delivery.all())
    assert states == {("sent", None): 3, ("cancelled", "daily_cap"): 3}
    assert set(Counter(outbound.ref for _, outbound in push.given).values()) == {2}
    assert len(push.given) == 6
