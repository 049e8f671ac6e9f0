"""Events: they exist exactly when their business row does, and reach every subscriber."""

import importlib
from datetime import UTC, date, datetime

import pytest

from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import StartError
from core.ids import new_id
from core.queue.dead_letters import list_dead
from core.queue.events import EventBook
from core.queue.jobs import JobQueue
from tests.core.conftest import Runs, Worker
from tests.core.probe import MANIFEST, ThingHappened
from tests.core.waiting import eventually
from tests.wings import Plant


def _event(note: str | None = "水费 🚰") -> ThingHappened:
    return ThingHappened(
        thing_id=new_id(),
        amount_fen=10**15,
        happened_at=datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC),
        due_on=date(2026, 12, 1),
        note=note,
    )


async def test_every_subscriber_gets_the_event_whole(
    probed: App, runs: Runs, worker: Worker
) -> None:
    events = [_event(), _event(note=None)]
    async with transaction() as tx:
        for event in events:
            await probed.events.publish(tx, event)
    async with worker(probed):
        await eventually(lambda: _count(runs, 4))
    assert sorted(await runs()) == sorted(
        line for event in events for line in (f"first {event.told()}", f"second {event.thing_id}")
    )


async def test_one_subscriber_that_fails_takes_no_other_with_it(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with transaction() as tx:
        await probed.events.publish(tx, _event())
    async with worker(probed):
        await eventually(lambda: _count(runs, 2))
        await eventually(_has_dead)
    (letter,) = await list_dead(connection())
    assert letter.kind == "probe.ThingHappened>probe.on_thing_too"


async def test_an_event_of_a_rolled_back_transaction_never_happened(probed: App) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await tx.execute_query("INSERT INTO probe_run (name, pid) VALUES ('row', 0)")
            await probed.events.publish(tx, _event())
            raise ZeroDivisionError
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []
    assert await fetch_all(connection(), "SELECT * FROM probe_run") == []


async def test_an_event_and_its_row_appear_together(probed: App) -> None:
    async with transaction() as tx:
        await tx.execute_query("INSERT INTO probe_run (name, pid) VALUES ('row', 0)")
        await probed.events.publish(tx, _event())
    jobs = await fetch_all(connection(), "SELECT entrypoint FROM pgqueuer ORDER BY 1")
    assert [job["entrypoint"] for job in jobs] == [
        "probe.ThingHappened>probe.on_thing",
        "probe.ThingHappened>probe.on_thing_too",
    ]


async def test_an_undeclared_event_cannot_be_published(probed: App) -> None:
    class Stranger:
        pass

    async with transaction() as tx:
        with pytest.raises(KeyError):
            await probed.events.publish(tx, Stranger())


HANDLERS = """
from core.queue.events import on
from .events import ThingOfAKind


@on("kinds.ThingOfAKind", kinds="water.")
async def hear_of_water(app: object, event: ThingOfAKind) -> None: ...


@on("kinds.ThingOfAKind")
async def hear_of_all(app: object, event: ThingOfAKind) -> None: ...
"""
EVENTS = """
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThingOfAKind:
    kind: str
"""


async def test_who_listens_to_some_kinds_gets_no_job_for_others(probed: App, plant: Plant) -> None:
    house = plant("kinds", {"events": EVENTS, "handlers": HANDLERS})
    module = importlib.import_module(house.within("events"))
    book = EventBook((house,), JobQueue((house,)))
    async with transaction() as tx:
        for kind in ("water.bill", "watering.can", "fire"):
            await book.publish(tx, module.ThingOfAKind(kind))
    jobs = await fetch_all(
        connection(), "SELECT entrypoint, convert_from(payload, 'UTF8') AS told FROM pgqueuer"
    )
    heard = sorted((job["entrypoint"], job["told"]) for job in jobs)
    assert heard == [
        ("kinds.ThingOfAKind>kinds.hear_of_all", '{"kind":"fire"}'),
        ("kinds.ThingOfAKind>kinds.hear_of_all", '{"kind":"water.bill"}'),
        ("kinds.ThingOfAKind>kinds.hear_of_all", '{"kind":"watering.can"}'),
        ("kinds.ThingOfAKind>kinds.hear_of_water", '{"kind":"water.bill"}'),
    ]


HEAR = """
from typing import Any
from core.queue.events import on
from tests.core.probe.events import ThingHappened


@on({events})
async def hear(app: Any, event: {takes}) -> None: ...
"""


@pytest.mark.parametrize(
    ("events", "takes", "line"),
    [
        ('"no.Such"', "ThingHappened", "deaf listens to unknown event no.Such"),
        (
            '"probe.ThingHappened", kinds="water."',
            "ThingHappened",
            "deaf: probe.ThingHappened is of no kind",
        ),
        (
            '"probe.ThingHappened"',
            "int",
            "deaf: hear listens to probe.ThingHappened and does not take it",
        ),
        (
            '"probe.ThingHappened", "probe.ThingHappened"',
            "ThingHappened",
            "declared twice, job kind: probe.ThingHappened>deaf.hear",
        ),
    ],
    ids=["unknown", "of no kind", "of another class", "twice"],
)
def test_a_subscription_that_could_never_run_refuses_to_start(
    plant: Plant, events: str, takes: str, line: str
) -> None:
    deaf = plant("deaf", {"handlers": HEAR.format(events=events, takes=takes)})
    wings = (MANIFEST, deaf)
    with pytest.raises(StartError) as refused:
        EventBook(wings, JobQueue(wings))
    assert str(refused.value) == line


async def _count(runs: Runs, number: int) -> bool:
    return len(await runs()) >= number


async def _has_dead() -> bool:
    return bool(await list_dead(connection()))
