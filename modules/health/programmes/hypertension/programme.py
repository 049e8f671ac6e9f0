"""What the hypertension programme asks, and when it warns.

Sources: 国家基本公共卫生服务规范(第三版), 2017, 高血压患者健康管理服务规范: four visits a year; at
180/110 mmHg refer at once and follow up within two weeks; control is below 140/90, from 65 years on
below 150/90. 国家基层高血压防治管理指南 (2020): at home the threshold is 135/85; three readings on
different days decide.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from core.texts import Named, Text
from modules.health.programmes import texts
from modules.health.programmes.domain import Goal, Limit, Quantity, Rule, Severity, Visit
from modules.health.programmes.plausibility import check_adult
from modules.health.programmes.programme import (
    Facts,
    Programme,
    Subject,
    by_limits,
    purpose_of,
    subscription_of,
)
from modules.health.programmes.schedule import quarterly

SERVICE = "hypertension-care"
OLD_FROM = 65
STANDARD = "国家基本公共卫生服务规范(第三版)·高血压患者健康管理服务规范"
GUIDELINE = "国家基层高血压防治管理指南(2020版)"

CONSENT = Text(
    "HYPERTENSION_CARE_CONSENT",
    "为向您提供高血压健康管理,保存您填写的血压、随访和提醒,供您本人、您授权的家人和您的家庭医生团队查看。",
    "To care for your blood pressure, what you or your family type, your visits and alerts are "
    "kept for you, for whom you authorise and for your family doctor's team.",
)
_URGENT = Text(
    "HYPERTENSION_URGENT_ADVICE",
    "血压达到 180/110 或以上。请静坐后复测;若仍高,或有头痛、胸痛、"
    "言语不清、肢体无力,请立即拨打 120。",
    "180/110 or more. Sit still and measure again; if it stays, or with headache, chest pain, "
    "slurred speech or weakness, call 120 at once.",
)
_HIGH = Text(
    "HYPERTENSION_HIGH_ADVICE",
    "近两周有三天血压偏高。请按时服药,两周内到家庭医生处复查。",
    "High on three days of two weeks. Take your medicine as prescribed and see your family doctor "
    "within two weeks.",
)


def _high(systolic: float, diastolic: float) -> tuple[Limit, ...]:
    return (
        Limit(Quantity.SYSTOLIC, at_least=systolic),
        Limit(Quantity.DIASTOLIC, at_least=diastolic),
    )


RULES = (
    Rule(
        "HYPERTENSION_URGENT",
        Severity.URGENT,
        _high(180, 110),
        _URGENT,
        STANDARD,
        follow_up_within=timedelta(days=14),
    ),
    Rule(
        "HYPERTENSION_HIGH",
        Severity.HIGH,
        _high(135, 85),
        _HIGH,
        GUIDELINE,
        on_days=3,
        age_below=OLD_FROM,
        follow_up_within=timedelta(days=14),
    ),
    Rule(
        "HYPERTENSION_HIGH_65",
        Severity.HIGH,
        _high(150, 90),
        _HIGH,
        STANDARD,
        on_days=3,
        age_from=OLD_FROM,
        follow_up_within=timedelta(days=14),
    ),
)


def _goals(subject: Subject) -> Sequence[Goal]:
    systolic = 150 if subject.age >= OLD_FROM else 140
    return (Goal(Quantity.SYSTOLIC, below=systolic), Goal(Quantity.DIASTOLIC, below=90))


def _visits(_facts: Facts, enrolled_on: date, today: date) -> Sequence[Visit]:
    return quarterly(enrolled_on, today)


HYPERTENSION = Programme(
    SERVICE,
    Named("高血压管理", "Hypertension programme"),
    purpose_of("health.hypertension-care", CONSENT),
    subscription_of(
        SERVICE, most=1, too_many=texts.ALREADY_ENROLLED, adds="enrolInHypertensionCare"
    ),
    (Quantity.SYSTOLIC, Quantity.DIASTOLIC, Quantity.PULSE),
    _goals,
    every_days=1,
    check=lambda _subject, values, _on: check_adult(values),
    alerts=by_limits(RULES),
    rules=RULES,
    visits=_visits,
)
PURPOSE, SUBSCRIPTION = HYPERTENSION.purpose, HYPERTENSION.subscription
