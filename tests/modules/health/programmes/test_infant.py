"""Service 28: twins, other people's children, units, rules by z-score, check-ups."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core.clock import ManualClock, add_months
from core.context.call import Call
from core.errors import AppError, InvalidInput, NotFound
from core.security.authentication import Viewer
from modules.health.programmes import service
from modules.health.programmes.domain import Measured, Quantity
from modules.health.programmes.infant import service as infants
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.infant.programme import (
    INFANT,
    MONTHS,
    RULES,
    Infant,
    alerts,
    visits,
)
from modules.health.programmes.jobs import remind
from modules.health.programmes.models import Enrolment
from modules.health.programmes.programme import Subject
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.modules.health.programmes.world import consent, measure, rows

TODAY = date(2026, 11, 23)
WEIGHT, LENGTH, HEAD = Quantity.WEIGHT, Quantity.LENGTH, Quantity.HEAD
STANDARD = "WHO Child Growth Standards (2006)"

# A boy of one year, by WHO's table of weight-for-age: -3 SD 6.9 kg, -2 SD 7.7, +2 SD 12.0 (day 365:
# 6.913, 7.737 and 12.0); the value, the rules that it meets.
TABLE = [
    (6.8, ["GROWTH_VERY_LOW"]),
    (7.0, ["GROWTH_LOW"]),
    (7.8, []),
    (9.6, []),
    (11.9, []),
    (12.2, ["GROWTH_HIGH"]),
]


@pytest.mark.parametrize(("weight", "codes"), TABLE)
def test_a_rule_is_what_the_standard_says(weight: float, codes: list[str]) -> None:
    boy = Subject(0, Infant(TODAY - timedelta(days=365), Sex.MALE).facts())
    met = alerts(boy, Measured({WEIGHT: weight}, NOON), [])
    assert [rule.code for rule in met] == codes
    assert {rule.source for rule in RULES} == {STANDARD}


def test_check_ups_are_those_of_the_national_schedule() -> None:
    born_on = date(2026, 8, 31)
    facts = Infant(born_on, Sex.FEMALE).facts()
    planned = visits(facts, born_on, add_months(born_on, 70))
    assert [visit.code for visit in planned] == [
        "newborn",
        "month-1",
        *(f"month-{months}" for months in (3, 6, 8, 12, 18, 24, 30, 36, 48, 60, 72)),
    ]
    assert [str(visit.from_on) for visit in planned[2:4]] == ["2026-11-30", "2027-02-28"]


def test_a_schedule_is_in_order_for_every_birth_and_joining() -> None:
    for born in range(0, 800, 7):
        born_on = date(2024, 1, 1) + timedelta(days=born)
        for joined in range(0, 2200, 190):
            on = born_on + timedelta(days=joined)
            planned = visits(Infant(born_on, Sex.MALE).facts(), on, on)
            assert all(visit.from_on <= visit.until_on for visit in planned)
            assert all(visit.until_on >= on for visit in planned)
            starts = [visit.from_on for visit in planned]
            assert starts == sorted(starts) and len(starts) <= len(MONTHS) + 2


@pytest.fixture
async def mother(call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]) -> Call:
    """Somebody who has consented."""
    me = call(user_id=(await citizen()).user_id, level=2)
    await consent(me.app, me.subject_id, INFANT)
    return me


async def _child(mother: Call, days: int, *, key: str = "the-first-key", **about: Any) -> Enrolment:
    infant = Infant(TODAY - timedelta(days=days), about.pop("sex", Sex.FEMALE), **about)
    row_id = await infants.enrol(mother, infant, "", key)
    return await Enrolment.get(id=row_id)


ODD: list[tuple[dict[Quantity, float], str, str]] = [
    ({WEIGHT: 14.0}, "INFANT_WEIGHT_IN_JIN", "7.0 kg"),
    ({WEIGHT: 7100.0}, "INFANT_WEIGHT_IN_GRAMS", "7.1 kg"),
    ({WEIGHT: 71.0}, "CARE_IMPLAUSIBLE", "kg"),
    ({WEIGHT: 0.0}, "CARE_IMPLAUSIBLE", "kg"),
    ({LENGTH: 0.66}, "INFANT_LENGTH_IN_METRES", "66.0 cm"),
    ({LENGTH: 166.0}, "CARE_IMPLAUSIBLE", "cm"),
    ({HEAD: 66.0}, "CARE_IMPLAUSIBLE", "cm"),
    ({Quantity.SYSTOLIC: 90.0}, "CARE_OTHER_PROGRAMME", ""),
]
"""What does not fit a girl of half a year, the refusal, and what she is asked."""


async def test_what_does_not_fit_the_age_is_asked_about_and_not_kept(mother: Call) -> None:
    child = await _child(mother, 180)
    before = await rows()
    for values, code, asked in ODD:
        with pytest.raises(InvalidInput, match=code) as refused:
            await measure(mother, INFANT, child, values)
        assert asked in refused.value.say(mother.locale)
    assert await rows() == before


async def test_measured_before_the_birth_is_refused(mother: Call) -> None:
    child = await _child(mother, 20)
    with pytest.raises(InvalidInput, match="INFANT_BEFORE_BIRTH"):
        await measure(mother, INFANT, child, {WEIGHT: 3.0}, at=NOON - timedelta(days=21))
    assert (await rows())["Measurement"] == 0


async def test_who_is_no_small_child_has_no_plan(mother: Call) -> None:
    for days, code in ((-1, "INFANT_BORN_IN_FUTURE"), (6 * 366, "INFANT_TOO_OLD")):
        with pytest.raises(AppError, match=code):
            await _child(mother, days)
    assert set((await rows()).values()) == {0}


@pytest.mark.parametrize(("weeks", "days"), [(21, 6), (45, 0), (38, 7), (38, -1)])
def test_no_pregnancy_was_so_long(weeks: int, days: int) -> None:
    with pytest.raises(InvalidInput, match="INFANT_GESTATION_RANGE"):
        infants.gestation_days(weeks, days)


async def test_twins_have_two_plans_and_nobody_else_reaches_them(
    mother: Call, call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    first = await _child(mother, 60, gestation_days=245)
    second = await _child(mother, 60, key="the-second-key", gestation_days=245)
    await measure(mother, INFANT, first, {WEIGHT: 4.2})
    cares = {care.enrolment.id: care for care in await service.read_care(mother, INFANT)}
    assert [len(cares[one.id].measured) for one in (first, second)] == [1, 0]
    stranger = call(user_id=(await citizen()).user_id, level=2)
    await consent(stranger.app, stranger.subject_id, INFANT)
    with pytest.raises(NotFound):
        await measure(stranger, INFANT, first, {WEIGHT: 4.2})
    assert (await rows())["Measurement"] == 1


async def test_a_childs_first_weight_can_be_added_years_later(mother: Call) -> None:
    child = await _child(mother, 900)
    at = NOON - timedelta(days=900)
    recorded = await measure(mother, INFANT, child, {WEIGHT: 3.2}, at=at)
    assert [one.measured_at for one in recorded.care.measured] == [at]


async def test_of_a_child_of_six_nobody_is_reminded(mother: Call, clock: ManualClock) -> None:
    await _child(mother, 6 * 365 - 20)
    clock.move(timedelta(days=60))
    for _ in range(4):
        await remind(mother.app)
        clock.move(timedelta(days=60))
    assert await Message.filter(person_id=mother.subject_id).count() == 0
