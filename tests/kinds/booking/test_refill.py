"""A freed seat is refilled exactly once within five seconds: real time, real worker, real queue."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.clock import SHANGHAI, SystemClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.ids import new_id
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.processes.worker import work
from core.settings import Settings
from kinds.booking import service, waiting
from kinds.booking.availability import availability_of
from kinds.booking.domain import State, WaitState
from kinds.booking.models import Wait
from tests.conftest import ROOT
from tests.kinds.booking.engine import (
    MakeCall,
    book,
    broken_invariants,
    hold,
    offer,
    people,
    used,
)
from tests.machine import in_time

WITHIN_S, HOLD_S = 5.0, 2


@pytest.fixture
def clock() -> SystemClock:
    """The real time."""
    return SystemClock()


@pytest.fixture
async def app(
    settings: Settings,
    clock: Any,
    manifests: tuple[Manifest, ...],
    upstreams: Mapping[Any, Any],
    tmp_path: Path,
) -> AsyncIterator[App]:
    """A house in a city whose halls hold a seat for two seconds, with a worker at work."""
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    rules = tmp_path / "cities/jinan/appointments/gov-hall-appointment.toml"
    text = rules.read_text(encoding="utf-8")
    assert "hold_s = 300" in text
    rules.write_text(text.replace("hold_s = 300", f"hold_s = {HOLD_S}"), "utf-8")
    here = settings.model_copy(update={"city_file": tmp_path / "cities/jinan.toml"})
    async with open_app(here, clock=clock, manifests=manifests, upstreams=upstreams) as opened:
        stop = asyncio.Event()
        worker = asyncio.create_task(work(opened, stop))
        yield opened
        stop.set()
        await worker


async def wait_for(call: Call, slot_id: UUID) -> UUID:
    facts = await availability_of(call.app).find(slot_id)
    assert facts is not None
    day_on = facts.starts_at.astimezone(SHANGHAI).date()
    wait = await waiting.join(
        call, facts.resource_id, day_on, item_id="general", subject=None, key=str(new_id())
    )
    return wait.id


async def offered_within(wait_ids: list[UUID], seats: int) -> float:
    """Seconds until so many waits were offered a seat; fails after five."""
    started_s = time.monotonic()
    while await Wait.filter(id__in=wait_ids, state=WaitState.OFFERED).count() < seats:
        assert in_time(time.monotonic() - started_s, WITHIN_S), "a freed seat stood empty"
        await asyncio.sleep(0.02)
    return time.monotonic() - started_s


async def test_every_way_a_seat_comes_free(app: App, call: MakeCall) -> None:
    (slot,) = await offer(app, timedelta(days=2), capacity=3)
    cancels, moves, lapses, *waiters = await people(app, call, 8)
    (other,) = await offer(app, timedelta(days=3))
    given_back, moved = await book(cancels, slot), await book(moves, slot)
    held = await hold(lapses, slot)
    waits = [await wait_for(waiter, slot) for waiter in waiters]
    await service.cancel(cancels, given_back.id, "cancel-01")
    took_s = [await offered_within(waits, 1)]
    await service.reschedule(moves, moved.id, other, "move-0001")
    took_s.append(await offered_within(waits, 2))
    assert held.hold_expires_at is not None
    await asyncio.sleep(max(0.0, (held.hold_expires_at - app.clock.now()).total_seconds()))
    took_s.append(await offered_within(waits, 3))
    assert (await service.get_booking(lapses, held.id)).state is State.EXPIRED
    print("refilled after", [f"{seconds:.3f} s" for seconds in took_s])
    await asyncio.sleep(1)
    states = [(await Wait.get(id=wait_id)).state for wait_id in waits]
    assert states == ["offered"] * 3 + ["waiting"] * 2, "in order, and none twice"
    assert await used(slot) == 3
    rows = await fetch_all(
        connection(),
        "SELECT booked_by FROM appointments_booking WHERE slot_id = $1 AND state = 'held'",
        slot,
    )
    assert {row["booked_by"] for row in rows} == {w.subject_id for w in waiters[:3]}
    assert await broken_invariants([slot, other]) == []


async def test_who_joins_a_line_before_a_free_seat(app: App, call: MakeCall) -> None:
    """The seat came free just before: nobody frees it again, and still it is found."""
    (slot,) = await offer(app, timedelta(days=2))
    first, waiter = await people(app, call, 2)
    booking = await book(first, slot)
    await service.cancel(first, booking.id, "cancel-01")
    wait_id = await wait_for(waiter, slot)
    await offered_within([wait_id], 1)
    assert await used(slot) == 1
