"""What the programme of small children asks, and when it warns.

Sources: 国家基本公共卫生服务规范(第三版), 2017, 0~6岁儿童健康管理服务规范: a home visit in the
week after discharge, then at one month, at 3, 6, 8, 12, 18, 24, 30 and 36 months, at 4, 5 and 6
years. Warnings and what is plausible: WHO Child Growth Standards (2006), the flags of WHO Anthro.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.clock import add_months, civil_date
from core.texts import Named, Text
from modules.health.programmes.domain import (
    Fault,
    Goal,
    Limit,
    Measured,
    Quantity,
    Rule,
    Severity,
    Values,
    Visit,
)
from modules.health.programmes.infant import texts
from modules.health.programmes.infant.growth import (
    GROWTH,
    Lms,
    Sex,
    compared_age,
    lms_of,
    percentile,
)
from modules.health.programmes.plausibility import check_range
from modules.health.programmes.programme import (
    Facts,
    Programme,
    Subject,
    purpose_of,
    subscription_of,
)
from modules.health.programmes.schedule import AHEAD, not_over

SERVICE = "infant-care"
STANDARD = "WHO Child Growth Standards (2006)"
MONTHS = (3, 6, 8, 12, 18, 24, 30, 36, 48, 60, 72)
UNTIL_YEARS = 6
MOST = 6

FLAGS: Mapping[Quantity, tuple[float, float]] = {
    Quantity.WEIGHT: (-6, 5),
    Quantity.LENGTH: (-6, 6),
    Quantity.HEAD: (-5, 5),
}
"""The z-scores beyond which WHO Anthro takes a measurement for a mistake."""
OFF_STANDARD: Mapping[Quantity, tuple[float, float]] = {
    Quantity.WEIGHT: (0.3, 60),
    Quantity.LENGTH: (20, 140),
    Quantity.HEAD: (18, 60),
}
"""What is taken where the standard says nothing: before term, and after the fifth birthday."""


@dataclass(frozen=True, slots=True)
class Infant:
    """A small child; `gestation_days` is how long the pregnancy was, None while unknown."""

    born_on: date
    sex: Sex
    gestation_days: int | None = None
    mother: str | None = None
    """The mother's enrolment out of which this one was opened."""
    is_first: bool = True

    @classmethod
    def of(cls, facts: Facts) -> "Infant":
        """The child of an enrolment."""
        return cls(
            date.fromisoformat(facts["born_on"]),
            Sex(facts["sex"]),
            facts.get("gestation_days"),
            facts.get("mother"),
            bool(facts.get("is_first", 1)),
        )

    def facts(self) -> dict[str, str | int]:
        """The child as it is stored."""
        facts: dict[str, str | int] = {
            "born_on": self.born_on.isoformat(),
            "sex": self.sex.value,
            "is_first": int(self.is_first),
        }
        if self.gestation_days is not None:
            facts["gestation_days"] = self.gestation_days
        if self.mother is not None:
            facts["mother"] = self.mother
        return facts

    def compared_age(self, on: date) -> int:
        """The day of age at which the child is compared with the standard."""
        return compared_age((on - self.born_on).days, self.gestation_days)

    def lms(self, quantity: Quantity, on: date) -> Lms | None:
        """The standard for the child on a day; None where it has none."""
        return lms_of(self.sex, quantity, self.compared_age(on))


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """A measurement beside the standard; z and percentile are None where the standard is silent."""

    quantity: Quantity
    value: float
    on: date
    age_days: int
    compared_age_days: int
    z: float | None

    @property
    def percentile(self) -> float | None:
        """How many per cent of the standard's children measure less."""
        return None if self.z is None else percentile(self.z)


def growth_of(infant: Infant, measured: Sequence[Measured]) -> Sequence[GrowthPoint]:
    """Every growth measurement beside the standard, in the given order."""
    points = []
    for one in measured:
        on = civil_date(one.at)
        for quantity, value in one.values.items():
            lms = infant.lms(quantity, on)
            points.append(
                GrowthPoint(
                    quantity,
                    value,
                    on,
                    (on - infant.born_on).days,
                    infant.compared_age(on),
                    None if lms is None else lms.z(value),
                )
            )
    return points


def check(subject: Subject, values: Values, on: date) -> Fault | None:
    """What is wrong with a child's measurement of a day: before birth, or another unit."""
    infant = Infant.of(subject.facts)
    for quantity, value in values.items():
        if on < infant.born_on:
            return Fault(texts.BEFORE_BIRTH, quantity, {})
        low, high = _bounds(infant, quantity, on)
        fault = check_range(quantity, value, (low, high))
        if fault is not None:
            return _other_unit(quantity, value, low, high) or fault
    return None


def _bounds(infant: Infant, quantity: Quantity, on: date) -> tuple[float, float]:
    lms = infant.lms(quantity, on)
    if lms is None:
        return OFF_STANDARD[quantity]
    least, most = FLAGS[quantity]
    low, high = max(lms.value(least), OFF_STANDARD[quantity][0]), lms.value(most)
    return round(low, 1), round(high, 1)


def _other_unit(quantity: Quantity, value: float, low: float, high: float) -> Fault | None:
    """The question whether a weight is in grams or jin (half a kilogram), a length in metres."""
    if quantity is Quantity.WEIGHT:
        for text, parts in ((texts.IN_JIN, 2), (texts.IN_GRAMS, 1000)):
            if low <= value / parts <= high:
                said = {"value": value, "converted": round(value / parts, 2)}
                return Fault(text, quantity, said)
    elif low <= value * 100 <= high:
        return Fault(texts.IN_METRES, quantity, {"value": value, "converted": value * 100})
    return None


def _z_rule(code: str, severity: Severity, advice: Text, **bound: float) -> Rule:
    """A rule whose limits are of z-scores."""
    return Rule(code, severity, tuple(Limit(one, **bound) for one in GROWTH), advice, STANDARD)


_VERY_LOW = _z_rule("GROWTH_VERY_LOW", Severity.HIGH, texts.VERY_LOW, below=-3)
_LOW = _z_rule("GROWTH_LOW", Severity.NOTICE, texts.LOW, below=-2)
_HIGH = _z_rule("GROWTH_HIGH", Severity.NOTICE, texts.HIGH, above=2)
RULES = (_VERY_LOW, _LOW, _HIGH)


def alerts(subject: Subject, newest: Measured, _earlier: Sequence[Measured]) -> Sequence[Rule]:
    """The rules that the newest measurement's z-scores meet; of two alike, the graver."""
    points = growth_of(Infant.of(subject.facts), [newest])
    scores = {point.quantity: point.z for point in points if point.z is not None}
    met = [rule for rule in RULES if rule.applies(Measured(scores, newest.at), (), 0)]
    return [rule for rule in met if not (rule is _LOW and _VERY_LOW in met)]


def visits(facts: Facts, enrolled_on: date, today: date) -> Sequence[Visit]:
    """The check-ups of a child of which the person can still be reminded; by real age, like
    vaccinations, for preterm children too."""
    infant = Infant.of(facts)
    born_on = infant.born_on
    planned = [
        Visit("newborn", texts.NEWBORN, born_on + timedelta(days=3), born_on + timedelta(days=14)),
        Visit("month-1", texts.FIRST_MONTH, born_on + timedelta(28), born_on + timedelta(41)),
    ]
    if infant.mother is not None and infant.is_first:
        after = born_on + timedelta(days=42)
        planned.append(Visit("mother-42", texts.MOTHER_42, after, after + timedelta(days=14)))
    for months in MONTHS:
        due_on = add_months(born_on, months)
        name = Named(texts.CHECK_UP.zh.format(months), texts.CHECK_UP.en.format(months))
        planned.append(Visit(f"month-{months}", name, due_on, due_on + timedelta(days=30)))
    soon = [visit for visit in planned if visit.from_on <= today + AHEAD]
    return not_over(soon, enrolled_on)


def is_over(facts: Facts, today: date) -> bool:
    """Whether the last check-up is behind the child."""
    born_on = Infant.of(facts).born_on
    return today > add_months(born_on, 12 * UNTIL_YEARS) + timedelta(days=30)


def _goals(_subject: Subject) -> Sequence[Goal]:
    return ()


INFANT = Programme(
    SERVICE,
    Named("婴幼儿保健", "Infant care programme"),
    purpose_of("health.maternal-infant-care", texts.CONSENT),
    subscription_of(SERVICE, most=MOST, too_many=texts.TOO_MANY, adds="enrolInInfantCare"),
    GROWTH,
    _goals,
    every_days=30,
    check=check,
    alerts=alerts,
    rules=RULES,
    visits=visits,
    window=timedelta(days=366 * UNTIL_YEARS),
    is_over=is_over,
)
PURPOSE, SUBSCRIPTION = INFANT.purpose, INFANT.subscription
