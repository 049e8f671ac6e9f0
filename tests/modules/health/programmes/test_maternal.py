"""Service 27: dates and their corrections, the visits, and how a plan closes."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core.clock import ManualClock, add_months
from core.context.app import App
from core.context.call import Call
from core.errors import Forbidden, InvalidInput, NotFound
from core.people.personal_read import withdraw_consent
from core.security.authentication import Viewer
from modules.health.programmes import service as programmes
from modules.health.programmes.domain import Measured
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.infant.programme import INFANT
from modules.health.programmes.jobs import remind
from modules.health.programmes.maternal import service
from modules.health.programmes.maternal.gestation import (
    DatedBy,
    Gestation,
    allowed_difference,
    from_last_period,
)
from modules.health.programmes.maternal.programme import MATERNAL, RULES, facts_of, visits
from modules.health.programmes.maternal.service import Newborn
from modules.health.programmes.service import Care
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.modules.health.programmes.world import consent, pressure, rows

TODAY = date(2026, 11, 23)
GUIDELINE = "妊娠期高血压疾病诊治指南(2020)"


def test_a_pregnancy_is_due_as_naegele_says() -> None:
    """A year on, three months back, seven days on: 280 days give or take the months' lengths."""
    for n in range(1500):
        first = date(2024, 1, 1) + timedelta(days=n)
        gestation = from_last_period(first)
        rule = add_months(first, 9) + timedelta(days=7)
        assert abs((gestation.due_on - rule).days) <= 3
        assert gestation.days_on(first) == 0 and gestation.days_on(gestation.due_on) == 280
        assert gestation.day_at(12, 3) == first + timedelta(days=87)


# Published by ACOG, AIUM and SMFM, Committee Opinion 700 (2017), table 1: weeks by the last period,
# the difference in days above which a scan corrects the date.
ACOG = [
    *[(weeks, 5) for weeks in range(5, 9)],
    *[(weeks, 7) for weeks in range(9, 16)],
    *[(weeks, 10) for weeks in range(16, 22)],
    *[(weeks, 14) for weeks in range(22, 28)],
    *[(weeks, 21) for weeks in range(28, 42)],
]


@pytest.mark.parametrize(("weeks", "allowed"), ACOG)
def test_a_scan_corrects_above_the_published_difference(weeks: int, allowed: int) -> None:
    gestation, compared = from_last_period(date(2026, 6, 1)), 0
    for day in range(7):
        counted = weeks * 7 + day
        scan_on = gestation.day_at(weeks, day)
        assert allowed_difference(counted) == allowed
        for difference in range(-30, 31):
            corrected = gestation.corrected(scan_on, counted + difference)
            if abs(difference) <= allowed:
                assert corrected == gestation
            else:
                assert corrected.dated_by is DatedBy.ULTRASOUND
                assert corrected.days_on(scan_on) == counted + difference
                again = corrected.corrected(scan_on + timedelta(days=7), counted)
                assert again == corrected  # the first scan decides
            compared += 1
    assert compared == 427


@pytest.mark.parametrize(
    ("code", "met", "unmet"),
    [
        ("PREGNANCY_PRESSURE_SEVERE", (160, 90), (159, 109)),
        ("PREGNANCY_PRESSURE_SEVERE", (150, 110), (159, 109)),
        ("PREGNANCY_PRESSURE_HIGH", (140, 70), (139, 89)),
        ("PREGNANCY_PRESSURE_HIGH", (120, 90), (139, 89)),
    ],
)
def test_a_rule_is_what_its_source_says(code: str, met: Any, unmet: Any) -> None:
    (rule,) = [one for one in RULES if one.code == code]
    assert rule.source == GUIDELINE
    assert rule.applies(Measured(pressure(*met), NOON), (), 30)
    assert not rule.applies(Measured(pressure(*unmet), NOON), (), 30)


def test_the_visits_are_those_of_the_national_schedule() -> None:
    gestation = from_last_period(TODAY - timedelta(days=42))
    planned = visits(facts_of(gestation), TODAY, TODAY)
    weeks = [
        (divmod(gestation.days_on(one.from_on), 7), divmod(gestation.days_on(one.until_on), 7))
        for one in planned
    ]
    assert weeks == [
        ((6, 0), (12, 6)),
        ((16, 0), (20, 6)),
        ((21, 0), (24, 6)),
        ((28, 0), (36, 6)),
        ((37, 0), (40, 6)),
    ]


IMPOSSIBLE = [
    (None, None, 1, "MATERNAL_ONE_DATE"),
    (-50, 200, 1, "MATERNAL_ONE_DATE"),
    (None, -1, 1, "MATERNAL_DUE_IN_PAST"),
    (None, 281, 1, "MATERNAL_DUE_TOO_FAR"),
    (1, None, 1, "MATERNAL_PERIOD_IN_FUTURE"),
    (-281, None, 1, "MATERNAL_PERIOD_TOO_LONG_AGO"),
    (-50, None, 0, "MATERNAL_FETUSES_RANGE"),
    (-50, None, 6, "MATERNAL_FETUSES_RANGE"),
]
"""Days from today to the last period and to the due date, how many children, the refusal."""


async def test_dates_that_cannot_be_open_no_plan(expecting: Call) -> None:
    for period, due, fetuses, code in IMPOSSIBLE:
        dates = [None if n is None else TODAY + timedelta(days=n) for n in (period, due)]
        with pytest.raises(InvalidInput, match=code):
            await service.enrol(expecting, *dates, fetuses, "the-first-key")
    assert set((await rows()).values()) == {0}


@pytest.fixture
async def expecting(call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]) -> Call:
    """Somebody who has consented."""
    me = call(user_id=(await citizen()).user_id, level=2)
    await consent(me.app, me.subject_id, MATERNAL)
    return me


async def _plan(me: Call, days: int, *, fetuses: int = 1) -> Care:
    return await service.enrol(me, TODAY - timedelta(days=days), None, fetuses, "the-first-key")


async def test_a_scan_moves_the_due_date_and_the_open_visits_once(expecting: Call) -> None:
    care = await _plan(expecting, 70)
    scan = (care.enrolment.id, TODAY, 8, 6)
    for _ in range(2):
        care = await service.correct(expecting, *scan, "the-second-key")
    dates = care.enrolment.facts
    assert dates["dated_by"] == "ULTRASOUND"
    assert dates["due_on"] == str(TODAY + timedelta(days=280 - 62))
    assert [one.code for one in care.follow_ups] == [f"antenatal-{n}" for n in range(1, 6)]
    gestation = Gestation(date.fromisoformat(str(dates["due_on"])), DatedBy.ULTRASOUND)
    assert care.follow_ups[1].from_on == gestation.day_at(16)
    for bad in ((TODAY + timedelta(days=1), 9, 0), (TODAY, 4, 6), (TODAY, 9, 7)):
        with pytest.raises(InvalidInput, match="MATERNAL_SCAN_INVALID"):
            await service.correct(expecting, care.enrolment.id, *bad, "the-third-key")


async def test_a_birth_closes_the_plan_and_opens_one_for_each_child(
    app: App, expecting: Call, clock: ManualClock
) -> None:
    care = await _plan(expecting, 240, fetuses=2)
    born_on = TODAY + timedelta(days=1)
    clock.move(timedelta(days=1))
    twins = [Newborn(Sex.MALE, "大宝"), Newborn(Sex.FEMALE, "小宝")]
    for _ in range(2):
        closed, infants = await service.report_birth(
            expecting, care.enrolment.id, born_on, twins, "the-second-key"
        )
        assert closed.enrolment.close_reason == "BIRTH"
        assert [one.enrolment.label for one in infants] == ["大宝", "小宝"]
    assert {one.enrolment.facts["gestation_days"] for one in infants} == {241}
    mothers = [[one.code for one in infant.follow_ups].count("mother-42") for infant in infants]
    assert mothers == [1, 0]
    assert not [one for one in closed.follow_ups if one.state == "DUE"]
    assert len(await programmes.read_care(expecting, INFANT)) == 2
    with pytest.raises(NotFound):
        await service.report_birth(expecting, care.enrolment.id, born_on, twins, "the-third-key")


async def test_a_birth_that_cannot_be_changes_nothing(expecting: Call, clock: ManualClock) -> None:
    care = await _plan(expecting, 148)
    clock.move(timedelta(days=5))
    before, boy = await rows(), [Newborn(Sex.MALE)]
    for born, children, code in (
        (6, boy, "MATERNAL_BORN_IN_FUTURE"),
        (-1, boy, "MATERNAL_BIRTH_BEFORE_PLAN"),
        (5, boy, "MATERNAL_BIRTH_TOO_EARLY"),
        (5, [], "MATERNAL_CHILDREN_RANGE"),
        (5, boy * 6, "MATERNAL_CHILDREN_RANGE"),
    ):
        with pytest.raises(InvalidInput, match=code):
            await service.report_birth(
                expecting, care.enrolment.id, TODAY + timedelta(days=born), children, "a-bad-birth"
            )
    assert await rows() == before
    (still,) = await programmes.read_care(expecting, MATERNAL)
    assert still.enrolment.closed_at is None


async def test_a_loss_is_closed_quietly_and_nothing_is_ever_sent(
    app: App, expecting: Call, clock: ManualClock
) -> None:
    care = await _plan(expecting, 108)
    for _ in range(2):
        closed = await service.close_quietly(expecting, care.enrolment.id, "the-second-key")
    assert closed.enrolment.close_reason == "LOSS"
    for _ in range(12):
        clock.move(timedelta(days=30))
        await remind(app)
    assert await Message.filter(person_id=expecting.subject_id).count() == 0
    assert closed.follow_ups == []


async def test_who_tells_nothing_is_asked_nothing_after_the_42nd_week_and_may_still_tell(
    app: App, expecting: Call, clock: ManualClock
) -> None:
    care = await _plan(expecting, 279)
    clock.move(timedelta(days=15))
    for _ in range(6):
        await remind(app)
        clock.move(timedelta(days=20))
    assert await Message.filter(person_id=expecting.subject_id).count() == 0
    _, infants = await service.report_birth(
        expecting, care.enrolment.id, TODAY + timedelta(days=2), [Newborn(Sex.FEMALE)], "late-key"
    )
    assert len(infants) == 1


async def test_who_withdraws_the_consent_is_reminded_of_nothing(
    app: App, expecting: Call, clock: ManualClock
) -> None:
    await _plan(expecting, 108)
    await withdraw_consent(expecting, MATERNAL.purpose.id)
    clock.move(timedelta(days=40))
    await remind(app)
    assert await Message.filter(person_id=expecting.subject_id).count() == 0
    with pytest.raises(Forbidden):
        await programmes.read_care(expecting, MATERNAL)
