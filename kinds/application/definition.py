"""What a service declares to run on the engine: states, steps, units, form.

A definition is plain data. The structure stands in the service's own file; the city's decisions
(limits in working days, units, how many may be open) are added from the city's file.
"""

from collections.abc import Mapping, Sequence
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
