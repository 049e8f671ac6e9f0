"""Service 26: its rules with their sources, and units that are asked about, never converted."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.context.call import Call
from core.errors import InvalidInput
from core.security.authentication import Viewer
from modules.health.programmes.diabetes.programme import DIABETES, RULES
from modules.health.programmes.domain import Measured, Quantity
from tests.conftest import NOON
from tests.modules.health.programmes.world import join, measure, rows

FASTING, MEAL, RANDOM, HBA1C = (
    Quantity.GLUCOSE_FASTING,
    Quantity.GLUCOSE_AFTER_MEAL,
    Quantity.GLUCOSE_RANDOM,
    Quantity.HBA1C,
)
STANDARD = "国家基本公共卫生服务规范(第三版)·2型糖尿病患者健康管理服务规范"
GUIDELINE = "国家基层糖尿病防治管理指南(2022)"

# Written a second time from the publications: code, what is measured, the value that meets it, the
# nearest that does not, on how many days, within how many days a visit, source.
TABLE = [
    *[("DIABETES_LOW", one, 3.9, 4.0, 1, 14, STANDARD) for one in (FASTING, MEAL, RANDOM)],
    *[("DIABETES_VERY_HIGH", one, 16.7, 16.6, 1, 14, STANDARD) for one in (FASTING, MEAL, RANDOM)],
    ("DIABETES_HIGH", FASTING, 7.0, 6.9, 3, 14, STANDARD),
    ("DIABETES_HBA1C", HBA1C, 7.0, 6.9, 1, None, GUIDELINE),
]


@pytest.mark.parametrize(("code", "quantity", "met", "unmet", "days", "visit", "source"), TABLE)
def test_a_rule_is_what_its_source_says(
    code: str,
    quantity: Quantity,
    met: float,
    unmet: float,
    days: int,
    visit: int | None,
    source: str,
) -> None:
    (rule,) = [one for one in RULES if one.code == code]
    assert rule.source == source
    assert rule.follow_up_within == (timedelta(days=visit) if visit else None)
    series = [Measured({quantity: met}, NOON + timedelta(days=day)) for day in range(days)]
    assert rule.applies(series[-1], series[:-1], 60)
    assert not rule.applies(Measured({quantity: unmet}, series[-1].at), series[:-1], 60)


def test_a_high_glucose_after_a_meal_is_no_fasting_one() -> None:
    (rule,) = [one for one in RULES if one.code == "DIABETES_HIGH"]
    days = [Measured({MEAL: 9.5}, NOON + timedelta(days=day)) for day in range(5)]
    assert not rule.applies(days[-1], days[:-1], 60)


ODD: list[tuple[dict[Quantity, float], str, str]] = [
    ({FASTING: 101.0}, "CARE_GLUCOSE_UNIT", "5.6 mmol/L"),
    ({RANDOM: 599.0}, "CARE_GLUCOSE_UNIT", "33.2 mmol/L"),
    ({RANDOM: 601.0}, "CARE_IMPLAUSIBLE", "0.6"),
    ({FASTING: 0.0}, "CARE_IMPLAUSIBLE", "0.6"),
    ({FASTING: -5.6}, "CARE_IMPLAUSIBLE", "0.6"),
    ({HBA1C: 53.0}, "CARE_HBA1C_UNIT", "7.0%"),
    ({HBA1C: 2.0}, "CARE_IMPLAUSIBLE", "3"),
    ({Quantity.SYSTOLIC: 120.0}, "CARE_OTHER_PROGRAMME", ""),
]
"""What cannot be, the refusal, and what is asked."""


async def test_another_unit_is_asked_about_and_nothing_is_kept(
    call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, DIABETES, "the-first-key")
    before = await rows()
    for values, code, asked in ODD:
        with pytest.raises(InvalidInput, match=code) as refused:
            await measure(me, DIABETES, enrolment, values)
        assert asked in refused.value.say(me.locale)
    assert await rows() == before


async def test_what_is_typed_is_what_is_shown(
    call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    enrolment = await join(me, DIABETES, "the-first-key")
    recorded = await measure(me, DIABETES, enrolment, {FASTING: 3.9})
    assert recorded.care.measured[0].values == {"GLUCOSE_FASTING": 3.9}
    assert [rule.code for rule in recorded.rules] == ["DIABETES_LOW"]
