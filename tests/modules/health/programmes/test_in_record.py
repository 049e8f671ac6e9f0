"""A programme's plan in the health record: as FHIR has it, and only where its person agrees."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.ids import new_id
from core.people.personal_read import withdraw_consent
from core.security.authentication import Viewer
from core.standards import fhir_check, fhir_json
from modules.health.programmes import service
from modules.health.programmes.diabetes.programme import DIABETES
from modules.health.programmes.domain import Quantity
from modules.health.programmes.hypertension.programme import HYPERTENSION
from modules.health.programmes.shown import PURPOSE, plans_of
from modules.health.record.summary import export_summary
from tests.modules.health.programmes.world import agree, join, measure, pressure

ME = {"resourceType": "Patient", "name": [{"text": "甄示范"}]}


@pytest.fixture
def me(
    citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> Callable[[], Awaitable[Call]]:
    """Somebody."""

    async def make() -> Call:
        return call(user_id=(await citizen()).user_id, level=2)

    return make


async def _document(app: App, citizen_id: UUID, clock: ManualClock) -> Any:
    plans = await plans_of(app, citizen_id)
    body = export_summary(
        [], (), ME, "济南", clock.now(), restricted=False, document_id=new_id(), plans=plans
    )
    Bundle.model_validate_json(body)
    document = fhir_json.loads(body)
    for entry in document["entry"]:
        assert list(fhir_check.find_faults(entry["resource"])) == []
    return document


def _resources(document: Any, kind: str) -> list[Any]:
    every = [entry["resource"] for entry in document["entry"]]
    return [resource for resource in every if resource["resourceType"] == kind]


async def test_a_plan_with_its_goals_visits_and_pressures(
    app: App, me: Callable[[], Awaitable[Call]], clock: ManualClock
) -> None:
    who = await me()
    enrolment = await join(who, HYPERTENSION, "the-first-key")
    values = {**pressure(152, 94.5), Quantity.PULSE: 70}
    await measure(who, HYPERTENSION, enrolment, values)
    await agree(app, who.subject_id, PURPOSE)
    document = await _document(app, who.subject_id, clock)
    (plan,) = _resources(document, "CarePlan")
    assert plan["identifier"][0]["value"] == str(enrolment.id)
    assert len(plan["activity"]) == 4
    goals = {
        goal["description"]["text"]: goal["target"][0] for goal in _resources(document, "Goal")
    }
    below = goals["高压 / Systolic pressure"]["detailQuantity"]
    assert (below["value"].text, below["comparator"], below["code"]) == ("140", "<", "mm[Hg]")
    panel, pulse = _resources(document, "Observation")
    parts = {
        p["code"]["coding"][0]["code"]: p["valueQuantity"]["value"].text for p in panel["component"]
    }
    assert parts == {"8480-6": "152", "8462-4": "94.5"}
    assert pulse["valueQuantity"]["value"].text == "70"
    (composition,) = _resources(document, "Composition")
    sections = {s["code"]["coding"][0]["code"]: s.get("entry", ()) for s in composition["section"]}
    assert (len(sections["18776-5"]), len(sections["8716-3"])) == (1, 2)
    urls = {entry["fullUrl"] for entry in document["entry"]}
    links = [plan["subject"], *plan["goal"], *sections["18776-5"], *sections["8716-3"]]
    assert {link["reference"] for link in links} <= urls


async def test_no_plan_is_shown_without_both_consents_or_once_it_has_ended(
    app: App, me: Callable[[], Awaitable[Call]], clock: ManualClock
) -> None:
    who, other = await me(), await me()
    enrolment = await join(who, HYPERTENSION, "the-first-key")
    await agree(app, other.subject_id, PURPOSE)
    assert not await plans_of(app, who.subject_id)  # that the programme keeps it is not enough
    assert not await plans_of(app, other.subject_id)
    await agree(app, who.subject_id, PURPOSE)
    assert len(await plans_of(app, who.subject_id)) == 1
    await withdraw_consent(who, HYPERTENSION.purpose.id)
    assert not await plans_of(app, who.subject_id)
    await agree(app, who.subject_id, HYPERTENSION.purpose)
    await service.leave(who, HYPERTENSION, enrolment.id, "the-last-key")
    assert not await plans_of(app, who.subject_id)


async def test_a_quantity_that_is_no_vital_sign_of_the_standard_is_named_in_words(
    app: App, me: Callable[[], Awaitable[Call]], clock: ManualClock
) -> None:

    who = await me()
    enrolment = await join(who, DIABETES, "the-first-key")
    await measure(who, DIABETES, enrolment, {Quantity.GLUCOSE_FASTING: 7.25})
    await agree(app, who.subject_id, PURPOSE)
    (seen,) = _resources(await _document(app, who.subject_id, clock), "Observation")
    assert seen["code"] == {"text": "空腹血糖 / Fasting glucose"}
    assert (seen["valueQuantity"]["value"].text, seen["valueQuantity"]["code"]) == (
        "7.25",
        "mmol/L",
    )
