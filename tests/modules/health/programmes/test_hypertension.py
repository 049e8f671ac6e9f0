"""Service 25: what is refused, what is an alert, who sees, what is forgotten."""

import json
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import AccessLog
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.people.data_rights import export_person
from core.security.authentication import Viewer
from modules.health.programmes import service
from modules.health.programmes.domain import Measured, Quantity, Values
from modules.health.programmes.hypertension.programme import HYPERTENSION, RULES
from modules.health.programmes.models import FollowUp
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.modules.health.programmes.world import join, measure, pressure, rows

People = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]

STANDARD = "国家基本公共卫生服务规范(第三版)·高血压患者健康管理服务规范"
GUIDELINE = "国家基层高血压防治管理指南(2020版)"

# What the two publications say, written a second time: a rule that was loosened must not prove
# itself. Code, years of age, the pressure that meets it, the highest that does not, days, source.
TABLE = [
    ("HYPERTENSION_URGENT", 40, (180, 80), (179, 109), 1, STANDARD),
    ("HYPERTENSION_URGENT", 40, (120, 110), (179, 109), 1, STANDARD),
    ("HYPERTENSION_HIGH", 64, (135, 70), (134, 84), 3, GUIDELINE),
    ("HYPERTENSION_HIGH", 18, (120, 85), (134, 84), 3, GUIDELINE),
    ("HYPERTENSION_HIGH_65", 65, (150, 70), (149, 89), 3, STANDARD),
    ("HYPERTENSION_HIGH_65", 90, (120, 90), (149, 89), 3, STANDARD),
]


def _on(day: int, values: Values) -> Measured:
    return Measured(values, NOON + timedelta(days=day))


@pytest.mark.parametrize(("code", "age", "met", "unmet", "days", "source"), TABLE)
def test_a_rule_is_what_its_source_says(
    code: str, age: int, met: Any, unmet: Any, days: int, source: str
) -> None:
    (rule,) = [one for one in RULES if one.code == code]
    assert rule.source == source and rule.follow_up_within == timedelta(days=14)
    high = [_on(day, pressure(*met)) for day in range(days)]
    assert rule.applies(high[-1], high[:-1], age)
    assert not rule.applies(_on(days - 1, pressure(*unmet)), high[:-1], age)
    if days > 1:  # three times on one day is one day; a month ago is too long ago
        assert not rule.applies(high[0], high[:1] * 2, age)
        assert not rule.applies(_on(40, pressure(*met)), high[:-1], age)


def test_every_age_has_one_rule_of_three_days() -> None:
    for age in range(18, 121):
        assert [rule.age_from <= age < rule.age_below for rule in RULES].count(True) == 2


ODD: list[tuple[Values, str, str]] = [
    (pressure(1200, 80), "CARE_IMPLAUSIBLE", "1200"),
    (pressure(80, 120), "CARE_PRESSURE_SWAPPED", "120/80?"),
    (pressure(120, 120), "CARE_PRESSURE_SWAPPED", ""),
    ({Quantity.SYSTOLIC: 120}, "CARE_PRESSURE_INCOMPLETE", ""),
    ({Quantity.DIASTOLIC: 80}, "CARE_PRESSURE_INCOMPLETE", ""),
    (pressure(120, 3), "CARE_IMPLAUSIBLE", ""),
    (pressure(float("nan"), 80), "CARE_IMPLAUSIBLE", ""),
    (pressure(float("inf"), 80), "CARE_IMPLAUSIBLE", ""),
    ({**pressure(120, 80), Quantity.PULSE: 7}, "CARE_IMPLAUSIBLE", ""),
    ({Quantity.GLUCOSE_FASTING: 5.6}, "CARE_OTHER_PROGRAMME", ""),
    ({}, "CARE_NOTHING_MEASURED", ""),
]
"""What cannot be, the refusal, and what is asked."""


async def test_what_cannot_be_is_refused_and_nothing_is_kept(
    call: MakeCall, citizen: People
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, HYPERTENSION, "the-first-key")
    before = await rows()
    for values, code, asked in ODD:
        with pytest.raises(InvalidInput, match=code) as refused:
            await measure(me, HYPERTENSION, enrolment, values)
        assert asked in refused.value.say(me.locale)
    assert await rows() == before


async def test_three_high_days_are_one_alert_a_recheck_and_one_message(
    app: App, call: MakeCall, citizen: People, clock: ManualClock
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, HYPERTENSION, "the-first-key")
    for day in range(5):
        recorded = await measure(
            me, HYPERTENSION, enrolment, pressure(150, 95), key=f"key-{day:05}"
        )
        again = await measure(me, HYPERTENSION, enrolment, pressure(150, 95), key=f"key-{day:05}")
        assert len(again.care.measured) == len(recorded.care.measured) == day + 1
        assert len(recorded.care.alerts) == (1 if day >= 2 else 0)
        clock.move(timedelta(days=1))
    (alert,) = recorded.care.alerts
    assert (alert.rule, alert.severity) == ("HYPERTENSION_HIGH", "HIGH")
    (recheck,) = [one for one in recorded.care.follow_ups if one.code.startswith("recheck")]
    assert recheck.until_on == date(2026, 11, 25) + timedelta(days=14)
    (message,) = await Message.filter(person_id=me.subject_id)
    assert message.template == "health.care_alert"
    quarters = [one for one in recorded.care.follow_ups if one.code.startswith("quarter")]
    assert [str(one.until_on) for one in quarters] == [
        "2027-02-23",
        "2027-05-23",
        "2027-08-23",
        "2027-11-23",
    ]


async def test_measured_tomorrow_or_last_year_is_refused(call: MakeCall, citizen: People) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, HYPERTENSION, "the-first-key")
    for at, code in (
        (NOON + timedelta(hours=1), "CARE_MEASURED_IN_FUTURE"),
        (NOON - timedelta(days=91), "CARE_MEASURED_TOO_LONG_AGO"),
    ):
        with pytest.raises(InvalidInput, match=code):
            await measure(me, HYPERTENSION, enrolment, pressure(120, 80), at=at)
    assert (await rows())["Measurement"] == 0


async def test_nothing_goes_without_consent_and_every_look_is_logged(
    app: App, call: MakeCall, citizen: People
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    with pytest.raises(Forbidden, match="CONSENT_REQUIRED"):
        await service.enrol(me, HYPERTENSION, service.Joining({}), "the-first-key")
    assert set((await rows()).values()) == {0}
    enrolment = await join(me, HYPERTENSION, "the-first-key")
    await measure(me, HYPERTENSION, enrolment, pressure(128, 79))
    (care,) = await service.read_care(me, HYPERTENSION)
    assert care.enrolment.id == enrolment.id
    logged = await AccessLog.filter(subject_id=me.subject_id)
    assert [(row.service, row.actor_role) for row in logged] == [("hypertension-care", "self")] * 2


async def test_somebody_elses_enrolment_is_not_found(call: MakeCall, citizen: People) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    other = call(user_id=(await citizen()).user_id, level=2)
    mine = await join(me, HYPERTENSION, "the-first-key")
    await join(other, HYPERTENSION, "the-first-key")
    with pytest.raises(NotFound):
        await measure(other, HYPERTENSION, mine, pressure(120, 80))
    with pytest.raises(NotFound):
        await service.leave(other, HYPERTENSION, mine.id, "the-second-key")
    with pytest.raises(Conflict, match="CARE_ALREADY_ENROLLED"):
        await join(me, HYPERTENSION, "the-third-key")


async def test_who_leaves_is_forgotten(app: App, call: MakeCall, citizen: People) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, HYPERTENSION, "the-first-key")
    await measure(me, HYPERTENSION, enrolment, pressure(185, 95))
    exported = (await export_person(app, me.subject_id))["health"].data
    assert exported["care_measurements"][0]["values"] == {"SYSTOLIC": 185, "DIASTOLIC": 95}
    assert "HYPERTENSION_URGENT" in json.dumps(exported["care_alerts"])
    await service.leave(me, HYPERTENSION, enrolment.id, "the-second-key")
    await service.leave(me, HYPERTENSION, enrolment.id, "the-second-key")
    assert set((await rows()).values()) == {0}
    assert await FollowUp.all().count() == 0
