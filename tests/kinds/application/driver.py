"""Drives a case along any edge of its definition, as the one whose step it is would."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import ManualClock, civil_date
from core.context.call import Call
from core.database import connection, transaction
from core.people.personal_read import Purpose
from kinds.application import deadlines, desk, engine, store, versions
from kinds.application.definition import AGREE, REFUSE, Actor, Definition, Step, Turn
from kinds.application.models import Case
from tests.kinds.application.town import Town, find, key


@dataclass(frozen=True)
class Sample:
    """A service on the engine, and what its contract suite fills in."""

    service: str
    answers: dict[str, str]
    item: str = ""
    category: str = ""
    papers: Sequence[str] = field(default_factory=tuple)
    """The papers that have to be attached with these answers."""
    consent: Purpose | None = None
    """What the citizen consents to first."""
    missing: Sequence[str] = field(default_factory=tuple)
    """What an empty form lacks, in the order of the form."""


def paths(definition: Definition) -> list[list[Step]]:
    """For each step from each of its states, the shortest way from the beginning through it."""
    first = definition.states[0].name
    ways: dict[str, list[Step]] = {first: []}
    ahead = deque([first])
    while ahead:
        state = ahead.popleft()
        for step in definition.steps:
            if state in step.states and step.target not in ways:
                ways[step.target] = [*ways[state], step]
                ahead.append(step.target)
    return [[*ways[state], step] for step in definition.steps for state in step.states]


def way_out(definition: Definition, state: str) -> list[Step]:
    """The shortest way from a state to an end."""
    ways: dict[str, list[Step]] = {state: []}
    ahead = deque([state])
    while ahead:
        here = ahead.popleft()
        if definition.by_name[here].turn is Turn.NOBODY:
            return ways[here]
        for step in definition.steps:
            if here in step.states and step.target not in ways and not step.once:
                ways[step.target] = [*ways[here], step]
                ahead.append(step.target)
    raise AssertionError(f"{state} is a dead end")


async def drive(town: Town, clock: ManualClock, citizen: Call, case: Case, step: Step) -> Case:
    """Have a step taken by whose it is; the case then."""
    definition = await versions.get_stored(town.app, case.definition_id)
    state = definition.by_name[case.state]
    if step.by is Actor.CITIZEN:
        return await town.step(citizen, case, step.event)
    if step.by is Actor.OFFICER:
        category = next(iter(definition.promise))
        unit = "civil_affairs" if step.assigns else ""
        task = (await town.tasks(case))[0]
        by = None
        if step.unlike:
            by = await _other(town, case, task.unit, step.unlike)
        return await town.act(case, step.event, by=by, unit=unit, category=category)
    if step.event in state.outside:
        async with transaction() as tx:
            locked = await store.lock_case(tx, case.id)
            assert locked is not None
            return await engine.take_outside(town.app, tx, locked, step.event)
    if step.event == state.lapse and step.event not in (state.agreed, state.refused):
        assert case.due_on is not None
        clock.move(timedelta(days=(case.due_on - civil_date(clock.now())).days + 1))
        await deadlines.sweep(town.app)
        return await find(case.id)
    if step.event == state.refused:
        return await town.act(case, REFUSE)
    name = case.state
    while case.state == name:
        case = await town.act(case, AGREE)
    return case


async def _other(town: Town, case: Case, unit: str, unlike: str) -> Call:
    """An officer of a unit who did not take a step, and has the case's task now."""
    taken = await store.list_taken(connection(), [case.id], [unlike])
    did = {one.officer_id for one in taken}
    for number in range(len(did) + 1):
        officer = await town.officer(unit, number)
        if officer.subject_id not in did:
            scope = versions.scope_of(town.app, case.service_id)
            await desk.take_task(officer, (await town.tasks(case))[0].id, key(), scope)
            return officer
    raise AssertionError("more officers than steps")
