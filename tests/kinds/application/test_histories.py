"""Any definition that passes, any history: no illegal state, no deadline lost, every case ends.

Definitions and histories are drawn. Days pass without a worker, a worker or a request is cut off in
the middle, people act out of turn; after every deed the case, its work and its timeline must agree.
`make soak` runs the long form (HISTORIES=… for another number) and prints the failing history.
"""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import ManualClock, civil_date
from core.context.call import Call
from core.database import transaction
from core.errors import AppError
from kinds.application import deadlines, desk, domain, errands, move_store, service, store, versions
from kinds.application.definition import AGREE, REFUSE, Actor, Definition, Turn
from kinds.application.domain import TaskKind, TaskStatus
from kinds.application.engine import Choices
from kinds.application.errands import Errand
from kinds.application.models import Case
from kinds.application.task_rights import Deed
from tests.kinds.application.drawn import UNITS, definitions
from tests.kinds.application.driver import drive, way_out
from tests.kinds.application.town import Town, find, key
from tests.payments.crash import cut

HISTORIES = int(os.environ.get("HISTORIES", "5000"))
N = st.integers(0, 7)
DEED = st.one_of(
    st.tuples(st.just("citizen"), N),
    st.tuples(st.just("officer"), N),
    st.tuples(st.just("officer"), N),
    st.tuples(st.just("agree"), N),
    st.tuples(st.just("refuse"), N),
    st.tuples(st.just("hand_over"), N),
    st.tuples(st.just("days"), N),
    st.tuples(st.just("sweep"), st.just(0)),
    st.tuples(st.just("cut_sweep"), st.integers(0, 25)),
    st.tuples(st.just("cut_officer"), st.integers(0, 40)),
    st.tuples(st.just("cut_alone"), st.integers(0, 40)),
    st.tuples(st.just("rush"), N),
)


class History:
    """One case of a drawn definition, and what is done with it."""

    def __init__(
        self, town: Town, clock: ManualClock, me: Call, definition: Definition, case: Case
    ) -> None:
        self.town = town
        self.clock = clock
        self.me = me
        self.definition = definition
        self.case = case

    async def do(self, deed: str, number: int) -> None:
        """A deed; a typed refusal is a fine answer. Then everything must agree."""
        with suppress(AppError):
            await getattr(self, deed)(number)
        self.case = await find(self.case.id)
        await self.check()

    async def citizen(self, number: int) -> None:
        steps = [step for step in self.definition.steps if step.by is Actor.CITIZEN]
        if steps:
            event = steps[number % len(steps)].event
            await service.take_step(self.me, self.case.id, event, "well", key())

    async def officer(self, number: int) -> None:
        steps = [step for step in self.definition.steps if step.by is Actor.OFFICER]
        if steps:
            await self._act(steps[number % len(steps)].event, number)

    async def agree(self, number: int) -> None:
        await self._act(AGREE, number)

    async def refuse(self, number: int) -> None:
        await self._act(REFUSE, number)

    async def hand_over(self, number: int) -> None:
        tasks = await store.list_tasks(self.case.id)
        if tasks:
            task = tasks[number % len(tasks)]
            holder = await self.town.holder(task)
            await desk.hand_over(holder, task.id, UNITS[number % len(UNITS)], "theirs", key())

    async def days(self, number: int) -> None:
        self.clock.move(timedelta(days=number))

    async def sweep(self, _number: int) -> None:
        await deadlines.sweep(self.town.app)
        for task in await self.town.rows(
            "SELECT id FROM applications_case WHERE look_on <= $1", self.today
        ):
            raise AssertionError(f"{task} is still to be looked at")

    async def cut_sweep(self, after: int) -> None:
        await cut(deadlines.sweep(self.town.app), after)

    async def cut_officer(self, after: int) -> None:
        for call, errand in (await self._errands(after))[:1]:
            await cut(errands.go(call.app, [errand]), after)

    async def cut_alone(self, after: int) -> None:
        for call, errand in (await self._errands(after))[:1]:
            await cut(self._refused(self._alone(call, errand)), after)

    async def rush(self, number: int) -> None:
        """All who have work do it at once, each twice."""
        both = [*await self._errands(number), *await self._errands(number + 1)]
        await asyncio.gather(
            *(
                self._refused(desk.act(call, one.task_id, one.event, one.choices, one.key))
                for call, one in both
            )
        )

    async def _errands(self, number: int) -> list[tuple[Call, Errand]]:
        tasks = [t for t in await store.list_tasks(self.case.id) if t.status == TaskStatus.OPEN]
        events = [s.event for s in self.definition.steps_from(self.case.state, Actor.OFFICER)]
        said = Choices("well", UNITS[number % len(UNITS)])
        event = [*events, AGREE][number % (len(events) + 1)]
        holders = [await self.town.holder(task) for task in tasks]
        return [
            (call, Errand(call.subject_id, task.id, event, said, key()))
            for call, task in zip(holders, tasks, strict=True)
        ]

    async def _alone(self, call: Call, errand: Errand) -> None:
        deed = Deed(errands.OPERATION, errand.key)
        async with transaction() as tx:
            await desk.act_in(call, tx, deed, errand.task_id, errand.event, errand.choices)

    @property
    def today(self) -> Any:
        return civil_date(self.clock.now())

    async def _refused(self, attempt: Coroutine[Any, Any, object]) -> None:
        with suppress(AppError):
            await attempt

    async def _act(self, event: str, number: int) -> None:
        tasks = await store.list_tasks(self.case.id)
        if tasks:
            await self._send(tasks[-1 - number % len(tasks)], event, number)

    async def _send(self, task: Any, event: str, number: int) -> None:
        choices = Choices("well", UNITS[number % len(UNITS)])
        await desk.act(await self.town.holder(task), task.id, event, choices, key())

    async def check(self) -> None:
        """The case, its clocks, its work and its timeline agree."""
        case = self.case
        state = self.definition.by_name[case.state]
        clocks = move_store.clocks_of(case)
        assert case.turn == state.turn
        assert (case.ended_at is not None) == (state.turn is Turn.NOBODY)
        needed = domain.next_look(clocks, state)
        assert (case.look_on is None) == (needed is None)
        assert needed is None or case.look_on <= needed
        assert (case.promise_from_on is not None) == (state.turn is Turn.UNIT)
        if state.lapse or state.turn is Turn.UNIT:
            assert case.due_on is not None
        tasks = await store.list_tasks(case.id)
        work = [t for t in tasks if t.status == TaskStatus.OPEN and t.kind == TaskKind.WORK]
        assert bool(work) == (state.turn is Turn.UNIT)
        assert all(task.state == case.state for task in work)
        await self._check_timeline()

    async def _check_timeline(self) -> None:
        events = await store.list_events(self.case.id, after=0, first=1000)
        assert [event.sequence for event in events] == list(range(1, self.case.sequence + 1))
        state = self.definition.states[0].name
        for event in events:
            if event.event in {step.event for step in self.definition.steps}:
                state = self.definition.machine.next_state(state, event.event)
            assert event.state == state
        assert state == self.case.state

    async def end(self) -> None:
        """A sweep does all that is due; then the case is led to an end."""
        await self.sweep(0)
        case = await find(self.case.id)
        for step in way_out(self.definition, case.state):
            case = await drive(self.town, self.clock, self.me, case, step)
        self.case = case
        await self.check()
        assert case.ended_at is not None


_SHORT = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_LONG = settings(_SHORT, max_examples=HISTORIES, derandomize=False, print_blob=True)
_DEEDS = st.lists(DEED, min_size=2, max_size=14)


async def _live(
    town: Town, clock: ManualClock, me: Call, definition: Definition, deeds: Sequence[Any]
) -> None:
    await town.staffed(*UNITS, "big_data")
    case = await town.open(me, definition, category="", answers={})
    stored = await versions.get_stored(town.app, case.definition_id)
    history = History(town, clock, me, stored, await find(case.id))
    await history.check()
    for deed, number in deeds:
        await history.do(deed, number)
    await history.end()


@_SHORT
@given(definition=definitions(), deeds=_DEEDS)
async def test_any_history_of_any_definition(
    town: Town, clock: ManualClock, me: Call, definition: Definition, deeds: list[Any]
) -> None:
    await _live(town, clock, me, definition, deeds)


@pytest.mark.soak
@_LONG
@given(definition=definitions(), deeds=_DEEDS)
async def test_five_thousand_histories_of_any_definition(
    town: Town, clock: ManualClock, me: Call, definition: Definition, deeds: list[Any]
) -> None:
    await _live(town, clock, me, definition, deeds)
