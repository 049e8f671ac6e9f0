"""What the programme of pregnancies asks, and when it warns.

Sources: 国家基本公共卫生服务规范(第三版), 2017, 孕产妇健康管理服务规范: five visits, before
13 weeks, at 16 to 20, 21 to 24, 28 to 36 and 37 to 40 weeks.
妊娠期高血压疾病诊治指南(2020): 140/90 mmHg is high in pregnancy, 160/110 is severe.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from core.texts import Named
from modules.health.programmes import texts as shared
from modules.health.programmes.domain import Goal, Limit, Quantity, Rule, Severity, Visit
from modules.health.programmes.infant.programme import PURPOSE
from modules.health.programmes.maternal import texts
from modules.health.programmes.maternal.gestation import DatedBy, Gestation
from modules.health.programmes.plausibility import check_adult
from modules.health.programmes.programme import (
    Facts,
    Programme,
    Subject,
    by_limits,
    subscription_of,
)
from modules.health.programmes.schedule import not_over

SERVICE = "maternal-care"
GUIDELINE = "妊娠期高血压疾病诊治指南(2020)"

LATEST_DAYS = 42 * 7
"""From the 42nd week on a pregnancy is over in one way or another."""
WINDOWS = ((6, 12), (16, 20), (21, 24), (28, 36), (37, 40))
"""The weeks of the five visits, the last one included."""


def _pressure(systolic: float, diastolic: float) -> tuple[Limit, ...]:
    return (
        Limit(Quantity.SYSTOLIC, at_least=systolic),
        Limit(Quantity.DIASTOLIC, at_least=diastolic),
    )


_SEVERE = Rule(
    "PREGNANCY_PRESSURE_SEVERE", Severity.URGENT, _pressure(160, 110), texts.SEVERE, GUIDELINE
)
_HIGH = Rule(
    "PREGNANCY_PRESSURE_HIGH",
    Severity.HIGH,
    _pressure(140, 90),
    texts.HIGH,
    GUIDELINE,
    follow_up_within=timedelta(days=2),
)
RULES = (_SEVERE, _HIGH)


def gestation_of(facts: Facts) -> Gestation:
    """The dates of an enrolment."""
    return Gestation(
        date.fromisoformat(facts["due_on"]), DatedBy(facts["dated_by"]), facts["fetuses"]
    )


def facts_of(gestation: Gestation) -> dict[str, str | int]:
    """The dates as they are stored."""
    return {
        "due_on": gestation.due_on.isoformat(),
        "dated_by": gestation.dated_by.value,
        "fetuses": gestation.fetuses,
    }


def visits(facts: Facts, enrolled_on: date, _today: date) -> Sequence[Visit]:
    """The five visits, as far as they were not over when the person joined."""
    gestation = gestation_of(facts)
    planned = [
        Visit(
            f"antenatal-{number}",
            Named(texts.VISIT.zh.format(number), texts.VISIT.en.format(number)),
            gestation.day_at(first),
            gestation.day_at(last, 6),
        )
        for number, (first, last) in enumerate(WINDOWS, 1)
    ]
    return not_over(planned, enrolled_on)


def is_over(facts: Facts, today: date) -> bool:
    """Whether the longest pregnancy is over: who has told nothing is asked nothing."""
    return gestation_of(facts).days_on(today) >= LATEST_DAYS


def _goals(_subject: Subject) -> Sequence[Goal]:
    return (Goal(Quantity.SYSTOLIC, below=140), Goal(Quantity.DIASTOLIC, below=90))


MATERNAL = Programme(
    SERVICE,
    Named("孕妇保健", "Maternal care programme"),
    PURPOSE,
    subscription_of(SERVICE, most=1, too_many=shared.ALREADY_ENROLLED, adds="enrolInMaternalCare"),
    (Quantity.SYSTOLIC, Quantity.DIASTOLIC, Quantity.WEIGHT),
    _goals,
    every_days=7,
    check=lambda _subject, values, _on: check_adult(values),
    alerts=by_limits(RULES),
    rules=RULES,
    visits=visits,
    window=timedelta(days=LATEST_DAYS),
    is_over=is_over,
)
SUBSCRIPTION = MATERNAL.subscription
