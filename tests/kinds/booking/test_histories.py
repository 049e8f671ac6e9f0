"""Any history, with people acting at the same time: never oversold, nobody over a limit, every
freed seat with who waited, no ghost at a hospital.

A history is a list of rounds; what stands in one round happens at once. `make soak` runs the long
form (HISTORIES=… for another number): each failure prints the history that makes it.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.clock import SHANGHAI, ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import AppError
from core.ids import new_id
from core.queue.jobs import Job
from kinds.booking import comparison, jobs, service, visits, waiting
from kinds.booking import numbers as registration
from kinds.booking.domain import State
from kinds.booking.numbers import NumberRequest
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from modules.health.registration.numbers import PATIENT, REGISTRATION
from tests.kinds.booking.engine import (
    MakeCall,
    broken_invariants,
    count,
    hold,
    offer,
    people,
)
from tests.kinds.booking.people import consent, fresh, make_account
from tests.modules.health.hospitals.fake_hospitals import FakeHospitals

HISTORIES = int(os.environ.get("HISTORIES", "5000"))
PEOPLE, SLOTS, NUMBERS = 4, 6, 5
WHO, WHERE = st.integers(0, PEOPLE - 1), st.integers(0, SLOTS - 1)
WHICH = st.integers(0, NUMBERS - 1)
FAULT = st.sampled_from(["", "", "lost", "late", "down"])
CALLS = ["slot", "book", "cancel"]

DEED = st.one_of(
    st.tuples(st.just("hold"), WHO, WHERE),
    st.tuples(st.just("hold"), WHO, WHERE),
    st.tuples(st.just("confirm"), WHO),
    st.tuples(st.just("cancel"), WHO),
    st.tuples(st.just("move"), WHO, WHERE),
    st.tuples(st.just("wait"), WHO, WHERE),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("lapse"), st.sampled_from([6, 31])),
)
HISTORY = st.lists(st.lists(DEED, min_size=1, max_size=4), min_size=2, max_size=8)
AT_THE_HOSPITAL = st.lists(
    st.one_of(
        st.tuples(st.just("book"), WHO, WHICH, FAULT),
        st.tuples(st.just("cancel"), WHO, FAULT),
        st.tuples(st.just("move"), WHO, WHICH, FAULT),
        st.tuples(st.just("move while it is cancelled"), WHO, WHICH, st.sampled_from(CALLS)),
        st.tuples(st.just("insist"), st.booleans()),
        st.tuples(st.just("work"), FAULT),
        st.tuples(st.just("lapse")),
    ),
    min_size=1,
    max_size=8,
)


@dataclass
class World:
    """Some people, two places with slots on four days, two of them at the same time, and what they
    do there: so that there are offers, clashes, and more than one person may have open at once."""

    app: App
    clock: ManualClock
    people: Sequence[Call]
    slots: Sequence[UUID]
    errors: list[BaseException] = field(default_factory=list)

    async def round(self, deeds: Sequence[Sequence[Any]]) -> None:
        """Everything of a round at once, then the worker's due jobs, then the invariants."""
        await asyncio.gather(*(self.attempt(deed) for deed in deeds))
        await run_jobs(self.app, jobs.refill)
        await jobs.sweep(self.app)
        assert self.errors == []
        assert await broken_invariants(self.slots) == []

    async def attempt(self, deed: Sequence[Any]) -> None:
        """One deed; a typed refusal is a fine answer, anything else is not."""
        try:
            await getattr(self, deed[0])(*deed[1:])
        except AppError:
            pass
        except Exception as error:
            self.errors.append(error)

    async def hold(self, who: int, where: int) -> None:
        await hold(self.people[who], self.slots[where])

    async def confirm(self, who: int) -> None:
        for booking in await self.mine(who, State.HELD):
            await service.confirm(self.people[who], booking.id, str(new_id()))

    async def cancel(self, who: int) -> None:
        for booking in await self.mine(who, State.HELD, State.CONFIRMED):
            await service.cancel(self.people[who], booking.id, str(new_id()))

    async def move(self, who: int, where: int) -> None:
        for booking in await self.mine(who, State.CONFIRMED):
            await service.reschedule(self.people[who], booking.id, self.slots[where], str(new_id()))

    async def wait(self, who: int, where: int) -> None:
        rows = await fetch_all(
            connection(),
            "SELECT resource_id, starts_at FROM appointments_slot WHERE id = $1",
            self.slots[where],
        )
        day_on = rows[0]["starts_at"].astimezone(SHANGHAI).date()
        await waiting.join(
            self.people[who],
            rows[0]["resource_id"],
            day_on,
            item_id="general",
            subject=None,
            key=str(new_id()),
        )

    async def leave(self, who: int) -> None:
        for wait in await waiting.list_waits(self.people[who], first=10):
            await waiting.leave(self.people[who], wait.id, str(new_id()))

    async def lapse(self, minutes: int) -> None:
        self.clock.move(timedelta(minutes=minutes))
        await visits.sweep(self.app)

    async def mine(self, who: int, *states: State) -> list[BookingRow]:
        rows = await service.list_bookings(self.people[who], first=100, before=None)
        return [row for row in rows if row.state in states]


async def run_jobs(app: App, job: Job[Any]) -> None:
    """What a worker would do: each queued job of a kind, until none is left."""
    while True:
        rows = await fetch_all(
            connection(),
            """DELETE FROM pgqueuer WHERE id IN (SELECT id FROM pgqueuer WHERE entrypoint = $1)
               RETURNING payload""",
            job.kind,
        )
        if not rows:
            return
        for row in rows:
            await job.run(app, row["payload"])


_SHORT = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_LONG = settings(_SHORT, max_examples=HISTORIES, derandomize=False, print_blob=True)


async def our_history(
    app: App, call: MakeCall, clock: ManualClock, history: Sequence[Sequence[Any]]
) -> None:
    day = timedelta(days=1)
    # on the half hour: a quarter of an hour counts whole
    first = 2 * day + timedelta(seconds=-clock.now().timestamp() % 1800)
    here = await offer(app, first, first + timedelta(minutes=30), first + day)
    slots = [*here, *await offer(app, first, first + 2 * day, first + 3 * day)]
    world = World(app, clock, [call(level=1) for _ in range(PEOPLE)], slots)
    for viewer in world.people:
        await make_account(app, viewer)
    # it begins with a full day, one person waiting, and one who is elsewhere: something to lose
    await world.round([("hold", 0, 0), ("hold", 1, 1), ("hold", 2, 3)])
    await world.round([("confirm", 0), ("confirm", 1), ("wait", 2, 0), ("wait", 3, 0)])
    for deeds in history:
        await world.round(deeds)
    await forget(slots)


async def forget(slots: Sequence[UUID]) -> None:
    """Leave nothing to the next history that it would be offered or wade through."""
    await connection().execute_query(
        "UPDATE appointments_slot SET cancelled_at = starts_at WHERE id = ANY($1)", [list(slots)]
    )
    await connection().execute_query("DELETE FROM pgqueuer")


async def hospital_history(
    app: App,
    patients: Sequence[Call],
    clock: ManualClock,
    hospitals: FakeHospitals,
    history: Sequence[Sequence[Any]],
) -> None:
    """Book, move and cancel with faults and a hospital that may insist; in the end both sides hold
    the same bookings, and each is seen by its owner."""
    reading = await browsing.read_slots(patients[0], "h1", "sch000", skip_days=3, days=3)
    assert reading.value
    numbers = [slot.ref for slot in list(reading.value)[:NUMBERS]]
    for deed in history:
        try:
            await _hospital_deed(app, patients, clock, hospitals, numbers, deed)
        except AppError:
            pass
        finally:
            hospitals.fails, hospitals.meanwhile = [], {}
        assert await broken_invariants(await _hospital_slots(numbers)) == []
    hospitals.insists = False
    clock.move(timedelta(minutes=10))
    await _settle_all(app)
    await comparison.compare(app)
    rows = await fetch_all(
        connection(), "SELECT id FROM appointments_booking WHERE state = 'confirmed'"
    )
    assert hospitals.live() == {row["id"] for row in rows}
    half_way = "state IN ('held', 'cancelling')"
    assert await count("appointments_booking", half_way) == 0
    for row in rows:
        (owner,) = await fetch_all(
            connection(), "SELECT booked_by FROM appointments_booking WHERE id = $1", row["id"]
        )
        viewer = next(p for p in patients if p.require_viewer().user_id == owner["booked_by"])
        listed = await service.list_bookings(viewer, first=100, before=None)
        assert row["id"] in {one.id for one in listed}
        await service.cancel(fresh(viewer), row["id"], str(new_id()))
    assert hospitals.live() == set()


async def _hospital_deed(
    app: App,
    patients: Sequence[Call],
    clock: ManualClock,
    hospitals: FakeHospitals,
    numbers: Sequence[str],
    deed: Sequence[Any],
) -> None:
    match deed:
        case ("book", who, where, fault):
            hospitals.fails = [fault] if fault else []
            await registration.book_number(
                fresh(patients[who]),
                REGISTRATION,
                NumberRequest("h1", numbers[where]),
                str(new_id()),
            )
        case ("cancel", who, fault):
            for row in await service.list_bookings(patients[who], first=1, before=None):
                hospitals.fails = [fault] if fault else []
                await service.cancel(fresh(patients[who]), row.id, str(new_id()))
        case ("move", who, where, fault):
            for row in await service.list_bookings(patients[who], first=1, before=None):
                hospitals.fails = [fault] if fault else []
                await _move_number(patients[who], row.id, numbers[where])
        case ("move while it is cancelled", who, where, moment):
            for row in await service.list_bookings(patients[who], first=1, before=None):
                hospitals.meanwhile[moment] = partial(_try_to_cancel, patients[who], row.id)
                await _move_number(patients[who], row.id, numbers[where])
        case ("insist", insists):
            hospitals.insists = insists
        case ("work", fault):
            hospitals.fails = [fault] if fault else []
            await _settle_all(app)
        case ("lapse",):
            clock.move(timedelta(minutes=3))


async def _move_number(patient: Call, booking_id: UUID, number: str) -> None:
    await registration.move_number(fresh(patient), booking_id, number, str(new_id()))


async def _try_to_cancel(patient: Call, booking_id: UUID) -> None:
    with suppress(AppError):
        await service.cancel(fresh(patient), booking_id, str(new_id()))


async def _settle_all(app: App) -> None:
    for half_way in await fetch_all(
        connection(),
        "SELECT id FROM appointments_booking WHERE state IN ('held', 'cancelling')",
    ):
        for _ in range(3):
            try:
                await jobs.settle(app, half_way["id"])
                break
            except Exception as error:
                assert type(error).__name__.startswith("Upstream"), error


async def _hospital_slots(numbers: Sequence[str]) -> list[UUID]:
    rows = await fetch_all(
        connection(), "SELECT id FROM appointments_slot WHERE ref = ANY($1)", list(numbers)
    )
    return [row["id"] for row in rows]


@_SHORT
@given(history=HISTORY)
async def test_any_history_of_our_slots(
    app: App, call: MakeCall, clock: ManualClock, history: list[list[Any]]
) -> None:
    await our_history(app, call, clock, history)


@pytest.mark.soak
@_LONG
@given(history=HISTORY)
async def test_five_thousand_histories_of_our_slots(
    app: App, call: MakeCall, clock: ManualClock, history: list[list[Any]]
) -> None:
    await our_history(app, call, clock, history)


@pytest.fixture
async def patients(app: App, call: MakeCall) -> Sequence[Call]:
    """Verified citizens who have agreed."""
    made = await people(app, call, PEOPLE)
    for viewer in made:
        await consent(viewer, PATIENT)
    return made


@_SHORT
@example(history=[("book", 0, 0, ""), ("move while it is cancelled", 0, 1, "slot")])
@example(history=[("book", 0, 0, ""), ("insist", True), ("move", 0, 1, ""), ("work", "")])
@example(history=[("book", 0, 0, ""), ("insist", True), ("move", 0, 1, ""), *[("work", "")] * 2])
@given(history=AT_THE_HOSPITAL)
async def test_any_history_at_a_hospital(
    app: App,
    patients: Sequence[Call],
    clock: ManualClock,
    hospitals: FakeHospitals,
    history: list[Any],
) -> None:
    await hospital_history(app, patients, clock, hospitals, history)


@pytest.mark.soak
@_LONG
@given(history=AT_THE_HOSPITAL)
async def test_five_thousand_histories_at_a_hospital(
    app: App,
    patients: Sequence[Call],
    clock: ManualClock,
    hospitals: FakeHospitals,
    history: list[Any],
) -> None:
    await hospital_history(app, patients, clock, hospitals, history)
