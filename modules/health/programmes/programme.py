"""What a care programme declares of its own; everything else is the same for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from core.id_documents import EVERY_DOCUMENT
from core.people.personal_read import Purpose
from core.rooms import ExtensionPoint
from core.texts import Named, Text
from kinds.owned import OwnedList
from kinds.subscription import Subscription
from modules.health.programmes import texts
from modules.health.programmes.domain import Fault, Goal, Measured, Quantity, Rule, Values, Visit
from modules.health.programmes.models import Enrolment

Facts = Mapping[str, Any]
"""What a programme knows of an enrolment, as it is stored: strings and numbers by name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose measurements these are: years of age on the day, and the enrolment's facts."""

    age: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme of the city.

    `check` finds what is wrong with a measurement of a day, `alerts` the rules that a measurement
    completes with the earlier ones, `visits` the schedule of an enrolment of a day as seen from
    another day.
    """

    service: str
    name: Named
    purpose: Purpose
    subscription: Subscription[Enrolment]
    quantities: Sequence[Quantity]
    goals: Callable[[Subject], Sequence[Goal]]
    every_days: int
    """How often the plan begins by asking for a measurement."""
    check: Callable[[Subject, Values, date], Fault | None]
    alerts: Callable[[Subject, Measured, Sequence[Measured]], Sequence[Rule]]
    rules: Sequence[Rule]
    """All that `alerts` can answer with."""
    visits: Callable[[Facts, date, date], Sequence[Visit]]
    window: timedelta = timedelta(days=90)
    """How far back measurements are taken and shown."""
    is_over: Callable[[Facts, date], bool] = lambda _facts, _today: False
    """Whether there is nothing left on a day of which to remind a person."""


PROGRAMMES: ExtensionPoint[Programme] = ExtensionPoint(
    "care programme", Programme, key=lambda programme: programme.service
)


def subscription_of(
    service: str, *, most: int, too_many: Text, adds: str
) -> Subscription[Enrolment]:
    """The open enrolments of a programme, of which a person has at most so many."""
    rows = OwnedList(
        Enrolment,
        most=most,
        too_many=too_many,
        within={"programme": service, "closed_at": None},
        of_subject=True,
    )
    return Subscription(service, rows, adds=adds, removes=f"leave:{service}", keys=f"{service}:")


def by_limits(
    rules: Sequence[Rule],
) -> Callable[[Subject, Measured, Sequence[Measured]], Sequence[Rule]]:
    """The `alerts` of a programme whose rules are limits and nothing else."""

    def alerts(subject: Subject, newest: Measured, earlier: Sequence[Measured]) -> Sequence[Rule]:
        return [rule for rule in rules if rule.applies(newest, earlier, subject.age)]

    return alerts


def purpose_of(purpose_id: str, text: Text) -> Purpose:
    """The purpose under which a programme keeps what it measures."""
    return Purpose(
        id=purpose_id,
        upstream=texts.REGISTER,
        fields=("care_plan", "measurements", "follow_ups", "alerts"),
        text=text,
        text_version="2026-11",
        documents=EVERY_DOCUMENT,
    )
