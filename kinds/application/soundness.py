"""What makes a definition sound: every case of it can end, all names and patterns can be kept."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from kinds.application.definition import AGREE, NO_CATEGORY, REFUSE, Actor, Definition, Turn

NAME_CHARS_MOST = 32
"""Of states, steps, papers and categories: rows name them."""


class DefinitionInvalid(ValueError):
    """A definition that could strand a case; the message names every fault."""


def check(definition: Definition, units: Collection[str]) -> None:
    """Raise DefinitionInvalid, naming every fault, unless every case of it can end.

    `units` are those that the city has.
    """
    faults = [*_naming_faults(definition)]
    if not faults:  # the rest reads the graph
        faults += [*_graph_faults(definition), *_turn_faults(definition)]
        faults += [*_unit_faults(definition, units), *_limit_faults(definition)]
        faults += _grant_faults(definition)
    if faults:
        name = f"{definition.service} {definition.item}".strip()
        raise DefinitionInvalid(f"{name}: {'; '.join(faults)}")


def _naming_faults(definition: Definition) -> Iterator[str]:
    names = [state.name for state in definition.states]
    if not names:
        yield "it has no state"
    yield from _twice("state", names)
    edges = [f"{s.event} in {state}" for s in definition.steps for state in s.states]
    yield from _twice("step", edges)
    for step in definition.steps:
        for name in (*step.states, step.target):
            if name not in names:
                yield f"the step {step.event} names no state: {name}"
        if step.event in (AGREE, REFUSE):
            yield f"{step.event} is what a branch says, no step"
    papers = [one.code for one in definition.materials]
    categories = [one.value for one in definition.categories]
    yield from _twice("field", [one.name for one in definition.form])
    yield from _twice("material", papers)
    yield from _twice("category", categories)
    events = [step.event for step in definition.steps]
    for name in (*names, *events, *papers, *categories):
        if len(name) > NAME_CHARS_MOST:
            yield f"too long a name: {name}"
    for one in definition.form:
        if not _is_pattern(one.pattern):
            yield f"{one.name} has a pattern that cannot be read"


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"twice there, {what}: {name}"


def _graph_faults(definition: Definition) -> Iterator[str]:
    targets: dict[str, set[str]] = {state.name: set() for state in definition.states}
    for step in definition.steps:
        for name in step.states:
            targets[name].add(step.target)
    reached = _closure({definition.states[0].name}, targets)
    again = {name: {s.target for s in definition.steps if name in s.states and not s.once}
             for name in targets}  # fmt: skip
    sources = {name: {a for a in again if name in again[a]} for name in targets}
    ends = {state.name for state in definition.states if state.turn is Turn.NOBODY}
    ending = _closure(ends, sources)
    for state in definition.states:
        if state.name not in reached:
            yield f"no step leads to {state.name}"
        if state.name not in ending:
            yield f"{state.name} is a dead end"
        if state.turn is Turn.NOBODY and targets[state.name]:
            yield f"a step leaves {state.name}, where the case has ended"
    if definition.states[0].turn is Turn.NOBODY:
        yield "it ends where it begins"


def _closure(begin: set[str], targets: Mapping[str, Collection[str]]) -> set[str]:
    reached, ahead = set(begin), list(begin)
    while ahead:
        new = set(targets[ahead.pop()]) - reached
        reached |= new
        ahead += new
    return reached


def _turn_faults(definition: Definition) -> Iterator[str]:
    for state in definition.states:
        by = {actor: definition.steps_from(state.name, actor) for actor in Actor}
        if state.turn is Turn.CITIZEN and not (by[Actor.CITIZEN] and state.lapse):
            yield f"{state.name}: the citizen has no step, or nothing happens without one"
        if state.turn is Turn.UNIT and not (by[Actor.OFFICER] or state.branches):
            yield f"{state.name}: no officer has a step"
        if state.turn is not Turn.UNIT and (state.unit or state.branches or by[Actor.OFFICER]):
            yield f"{state.name}: units work where it is not their turn"
        if bool(state.branches) is not bool(state.agreed and state.refused):
            yield f"{state.name}: branches need a step for when all agree and for when one refuses"
        system = {step.event for step in by[Actor.SYSTEM]}
        named = (state.agreed, state.refused, state.lapse, *state.outside)
        wanted = {event for event in named if event}
        for event in sorted(wanted - system):
            yield f"{state.name} names no step of the system: {event}"
        for event in sorted(system - wanted):
            yield f"{state.name}: nothing takes the step {event}"
    events = {step.event for step in definition.steps if step.by is Actor.OFFICER}
    for step in definition.steps:
        if step.unlike and step.unlike not in events:
            yield f"{step.event} is to be unlike no officer's step: {step.unlike}"
        if step.by is not Actor.OFFICER and (step.assigns or step.classifies or step.unlike):
            yield f"{step.event}: only officers assign, classify and are four eyes"
        if step.classifies and not definition.categories:
            yield f"{step.event} classifies, and there are no categories"


def _grant_faults(definition: Definition) -> Iterator[str]:
    grant = definition.grants
    if grant is None:
        return
    state = definition.by_name.get(grant.state)
    if state is None or state.turn is not Turn.NOBODY:
        yield f"a licence is granted in {grant.state}, which is no end"
    if not grant.kind or (grant.days is not None and grant.days < 1):
        yield "a licence has a kind, and holds for a day at least"


def _unit_faults(definition: Definition, units: Collection[str]) -> Iterator[str]:
    named = [definition.unit, definition.escalates_to]
    for state in definition.states:
        named += [state.unit] if state.unit else []
        for group in state.branches:
            named += group
            if not group or len(set(group)) < len(group):
                yield f"{state.name}: a group of branches is empty or names a unit twice"
    for unit in sorted({unit for unit in named if unit not in units}):
        yield f"the city has no unit {unit!r}"


def _limit_faults(definition: Definition) -> Iterator[str]:
    categories = {one.value for one in definition.categories} or {NO_CATEGORY}
    if set(definition.promise) != categories:
        yield f"the promise names other categories than {sorted(categories)}"
    for name in sorted(set(definition.limits) - set(definition.by_name)):
        yield f"a limit for no state: {name}"
    for state in definition.states:
        if state.lapse and state.name not in definition.limits:
            yield f"{state.name} lapses, and has no limit"
        if state.turn is Turn.NOBODY and state.name in definition.limits:
            yield f"{state.name} has a limit, and the case has ended"
    if not all(
        0 < days <= 365 for days in [*definition.promise.values(), *definition.limits.values()]
    ):
        yield "a limit is 1 to 365 working days"
    if definition.warn_days < 0 or definition.open_most < 1:
        yield "warn_days is 0 or more, open_most 1 or more"
    if not (definition.number.prefix.isalnum() and 1 <= definition.number.digits <= 9):
        yield "a number is letters, digits and a serial"
