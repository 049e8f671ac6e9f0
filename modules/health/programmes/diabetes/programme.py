"""What the diabetes programme asks, and when it warns.

Sources: 国家基本公共卫生服务规范(第三版), 2017, 2型糖尿病患者健康管理服务规范: four visits
a year; at 16.7 mmol/L and more, or 3.9 and less, refer at once and follow up within two weeks;
control is a fasting glucose below 7.0, otherwise follow up within two weeks.
国家基层糖尿病防治管理指南 (2018 and 2022): the aims are 4.4 to 7.0 fasting, below 10.0 at other
times, HbA1c below 7.0 %.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from core.texts import Named, Text
from modules.health.programmes import texts
from modules.health.programmes.domain import (
    GLUCOSE,
    Goal,
    Limit,
    Quantity,
    Rule,
    Severity,
    Visit,
)
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

SERVICE = "diabetes-care"
STANDARD = "国家基本公共卫生服务规范(第三版)·2型糖尿病患者健康管理服务规范"
GUIDELINE = "国家基层糖尿病防治管理指南(2022)"
_TWO_WEEKS = timedelta(days=14)

CONSENT = Text(
    "DIABETES_CARE_CONSENT",
    "为向您提供糖尿病健康管理,保存您填写的血糖、糖化血红蛋白、随访和提醒,供您本人、您授权的家人和"
    "您的家庭医生团队查看。",
    "To care for your blood glucose, what you or your family type, your visits and alerts are kept "
    "for you, for whom you authorise and for your family doctor's team.",
)
_LOW = Text(
    "DIABETES_LOW_ADVICE",
    "血糖 3.9 或以下。意识清楚时请立即吃 15 克糖(如半杯果汁),15 分钟后复测;"
    "意识不清请拨打 120,不要喂食。",
    "3.9 or less. If fully awake take 15 g of sugar now, half a glass of juice, and measure again "
    "in 15 minutes; for somebody not awake call 120 and give nothing to eat.",
)
_VERY_HIGH = Text(
    "DIABETES_VERY_HIGH_ADVICE",
    "血糖 16.7 或以上。请今天就医;如有恶心呕吐、深大呼吸、嗜睡,请立即拨打 120。",
    "16.7 or more. See a doctor today; with vomiting, deep breathing or drowsiness call 120 "
    "at once.",
)
_HIGH = Text(
    "DIABETES_HIGH_ADVICE",
    "近两周有三天空腹血糖达到 7.0 或以上。请两周内到家庭医生处复查,不要自行加药。",
    "Fasting glucose of 7.0 or more on three days of two weeks. See your family doctor within two "
    "weeks; do not change your medicine by yourself.",
)
_HBA1C = Text(
    "DIABETES_HBA1C_ADVICE",
    "糖化血红蛋白达到 7.0% 或以上,请在下次随访时与医生商量目标。",
    "HbA1c is 7.0 % or more: talk about your aim at the next visit.",
)

RULES = (
    Rule(
        "DIABETES_LOW",
        Severity.URGENT,
        tuple(Limit(quantity, at_most=3.9) for quantity in GLUCOSE),
        _LOW,
        STANDARD,
        follow_up_within=_TWO_WEEKS,
    ),
    Rule(
        "DIABETES_VERY_HIGH",
        Severity.URGENT,
        tuple(Limit(quantity, at_least=16.7) for quantity in GLUCOSE),
        _VERY_HIGH,
        STANDARD,
        follow_up_within=_TWO_WEEKS,
    ),
    Rule(
        "DIABETES_HIGH",
        Severity.HIGH,
        (Limit(Quantity.GLUCOSE_FASTING, at_least=7.0),),
        _HIGH,
        STANDARD,
        on_days=3,
        follow_up_within=_TWO_WEEKS,
    ),
    Rule(
        "DIABETES_HBA1C",
        Severity.NOTICE,
        (Limit(Quantity.HBA1C, at_least=7.0),),
        _HBA1C,
        GUIDELINE,
    ),
)


def _goals(_subject: Subject) -> Sequence[Goal]:
    return (
        Goal(Quantity.GLUCOSE_FASTING, at_least=4.4, below=7.0),
        Goal(Quantity.GLUCOSE_AFTER_MEAL, below=10.0),
        Goal(Quantity.HBA1C, below=7.0),
    )


def _visits(_facts: Facts, enrolled_on: date, today: date) -> Sequence[Visit]:
    return quarterly(enrolled_on, today)


DIABETES = Programme(
    SERVICE,
    Named("糖尿病管理", "Diabetes programme"),
    purpose_of("health.diabetes-care", CONSENT),
    subscription_of(SERVICE, most=1, too_many=texts.ALREADY_ENROLLED, adds="enrolInDiabetesCare"),
    (*GLUCOSE, Quantity.HBA1C),
    _goals,
    every_days=2,
    check=lambda _subject, values, _on: check_adult(values),
    alerts=by_limits(RULES),
    rules=RULES,
    visits=_visits,
)
PURPOSE, SUBSCRIPTION = DIABETES.purpose, DIABETES.subscription
