"""Triage: red flags before all else, departments with their reasons, each rule with its source."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.context.app import App
from core.deadline import Deadline
from core.errors import InvalidInput
from core.upstream.client import UpstreamUnavailable
from core.upstream.readings import ReadStatus
from modules.health.hospitals.upstream import Hospitals
from modules.health.triage.domain import Complaint, Sex, advise
from modules.health.triage.graphql import Query, TriageInput
from modules.health.triage.rules import load_rules

RULES = load_rules()
ADULT, BABY, CHILD, OLD = 30 * 12, 2, 6 * 12, 60 * 12


def complaint(*symptoms: str, age: int = ADULT, **told: Any) -> Complaint:
    return Complaint(frozenset(symptoms), age, **told)


@pytest.mark.parametrize(
    ("told", "source"),
    [
        # WHO, ICRC, MSF: Interagency Integrated Triage Tool, red criteria
        (complaint("unresponsive"), "Interagency"),
        (complaint("seizure"), "Interagency"),
        (complaint("breathless_severe"), "Interagency"),
        (complaint("bleeding_heavy"), "Interagency"),
        (complaint("poisoning"), "Interagency"),
        (complaint("fever", "stiff_neck"), "Interagency"),
        (complaint("fever", "confusion"), "Interagency"),
        (complaint("headache_worst", pregnant=True), "Interagency"),
        (complaint("vision_blurred", pregnant=True), "Interagency"),
        (complaint("abdominal_pain_severe", age=OLD), "Interagency"),
        # 中风120
        (complaint("face_droop"), "中风120"),
        (complaint("speech_slurred", "headache"), "中风120"),
        # When to call 999
        (complaint("chest_pain"), "When to call 999"),
        (complaint("chest_pain", hours=2), "When to call 999"),
        (complaint("allergy_swelling"), "When to call 999"),
        (complaint("head_injury", age=CHILD), "When to call 999"),
        # NICE NG143
        (complaint("fever", age=BABY), "NG143"),
        (complaint("fever", "rash_fixed", age=4 * 12), "NG143"),
        # HSSIB
        (complaint("back_pain", "saddle_numb"), "HSSIB"),
    ],
)
def test_a_red_flag_stands_alone_and_names_its_source(told: Complaint, source: str) -> None:
    advice = advise(RULES, told)
    assert any(source in reason.source.title for reason in advice.red_flags)
    assert advice.suggestions == ()


@pytest.mark.parametrize(
    ("told", "departments"),
    [
        (complaint("headache", "sleepless"), ["神经内科"]),
        (complaint("headache", "eye_pain"), ["眼科", "神经内科"]),
        (complaint("headache", "nose_blocked"), ["耳鼻喉科", "神经内科"]),
        (complaint("vertigo_position"), ["耳鼻喉科"]),
        (complaint("unsteady"), ["神经内科"]),
        (complaint("neck_pain", "numb_limbs"), ["骨科", "神经内科"]),
        (complaint("chest_pain", hours=24 * 30), ["心血管内科"]),
        (complaint("toothache", age=CHILD), ["口腔科"]),
        (complaint("cough", "fever", age=CHILD), ["儿科"]),
        (complaint("cough", "fever"), ["内科"]),
        (complaint("abdominal_pain", pregnant=True, sex=Sex.FEMALE), ["妇产科", "内科"]),
        (complaint("period_trouble", sex=Sex.FEMALE), ["妇产科"]),
        (complaint("rash"), ["皮肤科"]),
        (complaint("lump"), ["外科"]),
        (complaint("vaginal_bleeding", sex=Sex.MALE), ["内科"]),
    ],
)
def test_departments_come_with_the_symptoms_they_rest_on(
    told: Complaint, departments: list[str]
) -> None:
    advice = advise(RULES, told)
    assert [one.name.zh for one in advice.suggestions] == departments
    for suggestion in advice.suggestions:
        for reason in suggestion.reasons:
            assert reason.text.zh and reason.text.en and reason.source.url.startswith("http")


@settings(max_examples=200)
@given(
    st.sets(st.sampled_from(sorted(RULES.symptoms)), min_size=1, max_size=6),
    st.integers(0, 110 * 12),
    st.sampled_from([None, *Sex]),
    st.one_of(st.none(), st.integers(0, 10_000)),
)
def test_everybody_gets_an_answer_and_more_symptoms_never_hide_a_red_flag(
    symptoms: set[str], age: int, sex: Sex | None, hours: int | None
) -> None:
    told = complaint(*symptoms, age=age, sex=sex, hours=hours)
    advice = advise(RULES, told)
    assert bool(advice.red_flags) != bool(advice.suggestions)
    more = replace(told, symptoms=told.symptoms | {"tired"})
    assert bool(advise(RULES, more).red_flags) >= bool(advice.red_flags)


def test_every_rule_has_a_source_and_every_symptom_a_use() -> None:
    every = [*RULES.red_flags, *RULES.rules]
    assert all(rule.source.title and rule.reason.en for rule in every)
    used = {code for rule in every for code in rule.condition.any | rule.condition.all}
    assert used == set(RULES.symptoms)
    assert {rule.department for rule in RULES.rules} == set(RULES.departments)


class Info:
    """What a resolver is given."""

    def __init__(self, context: Any) -> None:
        self.context = context


class SilentHospitals:
    """Hospitals of which none answers."""

    asked = 0

    async def list_departments(self, hospital_ref: str, deadline: Deadline) -> NoReturn:
        """See modules.health.hospitals.upstream."""
        self.asked += 1
        raise UpstreamUnavailable("hospitals", "departments", "down")


@pytest.fixture
def hospitals() -> SilentHospitals:
    """The hospitals."""
    return SilentHospitals()


@pytest.fixture
def upstreams(hospitals: SilentHospitals) -> Mapping[Any, Any]:
    """The fake in the place of the hospitals."""
    return {Hospitals: hospitals}


async def test_a_red_flag_needs_no_other_system(
    app: App, call: Any, hospitals: SilentHospitals
) -> None:
    info: Any = Info(call())
    advice = await Query().triage(info, TriageInput(symptoms=["chest_pain"], age_months=ADULT))
    assert advice.emergency is not None and advice.emergency.number == "120"
    assert "120" in advice.emergency.advice.zh and advice.departments == []
    assert hospitals.asked == 0


@pytest.mark.parametrize(
    "told",
    [
        {"symptoms": [], "age_months": ADULT},
        {"symptoms": ["x"], "age_months": ADULT},
        {"symptoms": ["cough"], "age_months": -1},
        {"symptoms": ["cough"], "age_months": 130 * 12},
        {"symptoms": ["cough"], "age_months": ADULT, "hours": -1},
        {"symptoms": ["cough"], "age_months": ADULT, "sex": Sex.MALE, "pregnant": True},
        {"symptoms": ["cough"], "age_months": CHILD, "pregnant": True},
    ],
)
async def test_what_cannot_be_is_refused(app: App, call: Any, told: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await Query().triage(Info(call()), TriageInput(**told))  # type: ignore[arg-type]


async def test_departments_are_named_though_every_hospital_is_silent(app: App, call: Any) -> None:
    info: Any = Info(call())
    advice = await Query().triage(info, TriageInput(symptoms=["rash"], age_months=ADULT))
    (department,) = advice.departments
    assert department.name(info) == "Dermatology"
    rows = await department.hospitals(info)
    assert {(row.status, row.free_today) for row in rows} == {(ReadStatus.UNAVAILABLE, None)}
    assert len(rows) == 5
