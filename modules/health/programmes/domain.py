"""The rules that all care programmes share: what a measurement may be, when it is an alert, which
visits are due, how well a plan is kept. Thresholds are data, each with its published source.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from core.clock import civil_date
from core.texts import Named, Text


class Quantity(StrEnum):
    """What is measured. SYSTOLIC and DIASTOLIC: blood pressure, mmHg. PULSE: beats a minute.
    GLUCOSE_FASTING: blood glucose after 8 hours without food, GLUCOSE_AFTER_MEAL: two hours after
    a meal, GLUCOSE_RANDOM: at any other time, all mmol/L. HBA1C: glycated haemoglobin, % (NGSP).
    WEIGHT: kg. LENGTH: cm, lying until the second birthday, then standing. HEAD: the head's
    circumference, cm.
    """

    SYSTOLIC = "SYSTOLIC"
    DIASTOLIC = "DIASTOLIC"
    PULSE = "PULSE"
    GLUCOSE_FASTING = "GLUCOSE_FASTING"
    GLUCOSE_AFTER_MEAL = "GLUCOSE_AFTER_MEAL"
    GLUCOSE_RANDOM = "GLUCOSE_RANDOM"
    HBA1C = "HBA1C"
    WEIGHT = "WEIGHT"
    LENGTH = "LENGTH"
    HEAD = "HEAD"


UNIT: Mapping[Quantity, str] = {
    Quantity.SYSTOLIC: "mm[Hg]",
    Quantity.DIASTOLIC: "mm[Hg]",
    Quantity.PULSE: "/min",
    Quantity.GLUCOSE_FASTING: "mmol/L",
    Quantity.GLUCOSE_AFTER_MEAL: "mmol/L",
    Quantity.GLUCOSE_RANDOM: "mmol/L",
    Quantity.HBA1C: "%",
    Quantity.WEIGHT: "kg",
    Quantity.LENGTH: "cm",
    Quantity.HEAD: "cm",
}
"""The one unit of each quantity, as UCUM writes it. Nothing is converted: see `Fault`."""

GLUCOSE = (Quantity.GLUCOSE_FASTING, Quantity.GLUCOSE_AFTER_MEAL, Quantity.GLUCOSE_RANDOM)

Values = Mapping[Quantity, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at one moment."""

    values: Values
    at: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a measurement is not taken: a refusal, or the question whether it is what was meant."""

    text: Text
    quantity: Quantity
    said: Mapping[str, object]


class Severity(StrEnum):
    """How soon somebody has to act. URGENT: today. HIGH: within two weeks. NOTICE: at the next
    visit.
    """

    URGENT = "URGENT"
    HIGH = "HIGH"
    NOTICE = "NOTICE"


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound of one quantity: `at_least` and `at_most` are met by the bound itself, `above` and
    `below` are not."""

    quantity: Quantity
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    def met(self, values: Values) -> bool:
        """Whether a measurement has the quantity, on the far side of the bound."""
        value = values.get(self.quantity)
        if value is None:
            return False
        return (
            (self.at_least is not None and value >= self.at_least)
            or (self.at_most is not None and value <= self.at_most)
            or (self.above is not None and value > self.above)
            or (self.below is not None and value < self.below)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """When a person is told and staff act: any of the limits, on so many days of a span.

    It holds from `age_from` years to below `age_below`; `source` is where it is published.
    """

    code: str
    severity: Severity
    limits: Sequence[Limit]
    advice: Text
    source: str
    on_days: int = 1
    span: timedelta = timedelta(days=14)
    age_from: int = 0
    age_below: int = 200
    follow_up_within: timedelta | None = None
    """A visit is due so soon, where the source says so."""

    def applies(self, newest: Measured, earlier: Iterable[Measured], age: int) -> bool:
        """Whether the newest measurement completes the rule at an age in years."""
        if not self.age_from <= age < self.age_below or not self._met(newest):
            return False
        since = newest.at - self.span
        met = [one for one in earlier if since < one.at <= newest.at and self._met(one)]
        return len({civil_date(one.at) for one in (*met, newest)}) >= self.on_days

    def _met(self, one: Measured) -> bool:
        return any(limit.met(one.values) for limit in self.limits)


@dataclass(frozen=True, slots=True)
class Goal:
    """What the plan aims at for one quantity."""

    quantity: Annotated[Quantity, "What is measured."]
    at_least: Annotated[float | None, "Not below this; null where there is no lower bound."] = None
    below: Annotated[float | None, "Below this; null where there is no upper bound."] = None

    @property
    def unit(self) -> Annotated[str, "The quantity's unit, as UCUM writes it."]:
        """The unit of both bounds."""
        return UNIT[self.quantity]


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that a programme's schedule has: due between two days."""

    code: str
    name: Named
    from_on: date
    until_on: date


@dataclass(frozen=True, slots=True)
class Adherence:
    """How well the plan's measurements of the last weeks were kept."""

    expected: Annotated[int, "How many days of measuring the plan had in the last 28 days."]
    kept: Annotated[int, "On how many of these periods there is a measurement."]
    since: Annotated[date, "The first of these days."]


ADHERENCE_DAYS = 28


def adherence(
    measured: Iterable[Measured], every_days: int, enrolled_on: date, today: date
) -> Adherence:
    """Which of the plan's periods of the last 28 days, today's included, have a measurement.

    Nothing is expected before the enrolment.
    """
    since = max(enrolled_on, today - timedelta(days=ADHERENCE_DAYS - 1))
    days = (today - since).days + 1
    expected = -(-days // every_days)
    kept = {
        (civil_date(one.at) - since).days // every_days
        for one in measured
        if since <= civil_date(one.at) <= today
    }
    return Adherence(expected, len(kept), since)
