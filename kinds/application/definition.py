"""What a service declares to run on the engine: states, steps, units, form; what makes it sound.

A definition is plain data. The structure stands in the service's own file; the city's decisions
(limits in working days, units, how many may be open) are added from the city's file.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from core.states import Edge, IllegalTransition, StateMachine
from core.texts import Named

NO_CATEGORY = ""
"""The category of a case where the definition has none."""

AGREE, REFUSE = "agree", "refuse"
"""What a unit says of its branch."""


class Turn(StrEnum):
    """Whose turn it is. CITIZEN: the city waits for the citizen. UNIT: a unit of the city works.
    NOBODY: the case has ended.
    """

    CITIZEN = "CITIZEN"
    UNIT = "UNIT"
    NOBODY = "NOBODY"


class Actor(StrEnum):
    """Who takes a step. CITIZEN: the citizen. OFFICER: a member of staff. SYSTEM: the city's
    computers, when a limit is over or all have agreed.
    """

    CITIZEN = "CITIZEN"
    OFFICER = "OFFICER"
    SYSTEM = "SYSTEM"


class FieldType(StrEnum):
    """How a field of a form is filled in. TEXT: one line. PARAGRAPH: several lines. CHOICE: one of
    its options. DATE: YYYY-MM-DD. NUMBER: a whole number. FLAG: "true" or "false". RESIDENT_ID: the
    number of an identity card. DOCUMENT: that, or the number of a travel permit or of an older
    permanent residence card. MOBILE: a mobile number.
    """

    TEXT = "TEXT"
    PARAGRAPH = "PARAGRAPH"
    CHOICE = "CHOICE"
    DATE = "DATE"
    NUMBER = "NUMBER"
    FLAG = "FLAG"
    RESIDENT_ID = "RESIDENT_ID"
    DOCUMENT = "DOCUMENT"
    MOBILE = "MOBILE"


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to choose and what it is called."""

    value: str
    title: Named


@dataclass(frozen=True, slots=True)
class Held:
    """A field of an e-licence of a kind."""

    kind: str
    field: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `most` bounds the characters of a text and the value of a number.

    `prefill` names what the account holds and fills in: "name", "phone", "resident_id", or
    "document_no" of whichever document. `held` names where it stands in an e-licence, out of which
    it is filled in by consent.
    """

    name: str
    title: Named
    type: FieldType = FieldType.TEXT
    required: bool = True
    most: int = 200
    least: int = 0
    pattern: str = ""
    options: Sequence[Choice] = ()
    prefill: str = ""
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """A paper that has to be attached; where `when` names a field, only if it has that value.

    `licence` is the kind of e-licence that stands for it: no upload is needed then.
    """

    code: str
    title: Named
    required: bool = True
    files_most: int = 3
    pages_most: int = 50
    when: tuple[str, str] | None = None
    licence: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A state of a case: whose turn it is and what its citizen reads.

    In a UNIT state `unit` works, or the unit that the case is assigned to. `branches` are units
    that work in parallel, one group after another: when all have agreed the step `agreed` is taken,
    when one refuses the step `refused`. When the limit of a state is over its step `lapse` is
    taken; without one a UNIT state escalates. `outside` are steps of the system that the service
    takes when it hears from a system outside, such as a bank; entering publishes `CaseAwaits`.
    """

    name: str
    title: Named
    turn: Turn
    unit: str = ""
    branches: Sequence[Sequence[str]] = ()
    agreed: str = ""
    refused: str = ""
    lapse: str = ""
    outside: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A legal step: from one of `states` to `target`; `title` stands on the button and in the
    timeline.

    `note` says that a reason has to be given, `assigns` that the officer names the unit that works
    next, `classifies` that the officer may set the category, `asks` that the officer may name
    papers to be handed in anew, `fills` that form and papers have to be complete: everything that
    is missing is told at once. `once`: at most once in a case's life.
    `restarts`: the promise counts anew and branches are asked again. `unlike` names an earlier
    step whose officer may not take this one.
    """

    event: str
    states: Sequence[str]
    target: str
    by: Actor
    title: Named
    note: bool = False
    assigns: bool = False
    classifies: bool = False
    fills: bool = False
    asks: bool = False
    once: bool = False
    restarts: bool = False
    unlike: str = ""


@dataclass(frozen=True, slots=True)
class Numbering:
    """How case numbers look: a prefix, the day as YYYYMMDD, a serial of so many digits."""

    prefix: str
    digits: int


@dataclass(frozen=True, slots=True)
class Grant:
    """The e-licence that a citizen has from a case which ends in `state`: its kind and what it is
    called, and for how many days it holds; None: it does not end."""

    state: str
    kind: str
    title: Named
    days: int | None = None


class DefinitionInvalid(ValueError):
    """A definition that could strand a case; the message names every fault."""


@dataclass(frozen=True)
class Definition:
    """The life of one service's cases; the first state is where they begin."""

    service: str
    title: Named
    states: Sequence[State]
    steps: Sequence[Step]
    number: Numbering
    item: str = ""
    """The item of the city's registry, where the service has one definition for each."""
    categories: Sequence[Choice] = ()
    form: Sequence[Field] = ()
    materials: Sequence[Material] = ()
    exclusive: bool = False
    """At most one case of a person is open."""
    unit: str = ""
    escalates_to: str = ""
    promise: Mapping[str, int] = field(default_factory=dict)
    """Working days in which the city promises to do its part, by category."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Working days that a state may last."""
    warn_days: int = 1
    """How many working days before a limit its officer, or the citizen, is warned."""
    open_most: int = 20
    grants: Grant | None = None
    """The e-licence in which its result is delivered."""

    @cached_property
    def by_name(self) -> Mapping[str, State]:
        """The states by name."""
        return {state.name: state for state in self.states}

    @cached_property
    def machine(self) -> StateMachine:
        """The states and edges in the form that code and database share."""
        edges = [Edge(state, s.event, s.target) for s in self.steps for state in s.states]
        first = [self.states[0].name]
        return StateMachine(self.service, "applications_case", "state", first, edges)

    @cached_property
    def _steps(self) -> Mapping[tuple[str, str], Step]:
        return {(state, step.event): step for step in self.steps for state in step.states}

    @cached_property
    def unlike(self) -> Mapping[str, frozenset[str]]:
        """By state: the earlier steps whose officers may not take all of the steps there."""
        return {
            state.name: frozenset(
                step.unlike for step in self.steps_from(state.name, Actor.OFFICER) if step.unlike
            )
            for state in self.states
        }

    def find_step(self, state: str, event: str) -> Step:
        """The step of an event in a state. Raises IllegalTransition where there is none."""
        step = self._steps.get((state, event))
        if step is None:
            raise IllegalTransition(self.service, state, event)
        return step

    def steps_from(self, state: str, by: Actor) -> Sequence[Step]:
        """What somebody may do in a state."""
        return [step for step in self.steps if state in step.states and step.by is by]


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
    yield from _twice("field", [one.name for one in definition.form])
    yield from _twice("material", [one.code for one in definition.materials])
    yield from _twice("category", [one.value for one in definition.categories])


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
