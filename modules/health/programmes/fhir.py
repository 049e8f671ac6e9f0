"""A programme's plan as FHIR R4 has it: CarePlan, its Goals, and what was measured of late.

Codes are those of the vital signs (https://hl7.org/fhir/R4/observation-vitalsigns.html); what is
no vital sign is named in words alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid5

from core.clock import ensure_utc
from core.standards.fhir_json import Number
from modules.health.programmes.domain import UNIT, Quantity
from modules.health.programmes.models import FollowUp, Measurement
from modules.health.programmes.programme import Programme
from modules.health.programmes.service import Care, measured_of
from modules.health.programmes.store import BOOKED, DUE, KEPT

Json = dict[str, Any]
IDENTIFIER = "urn:quancheng:care-plan"
_SHOWN = 20
_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_PANEL = "85354-9"
_LOINC_OF: Mapping[Quantity, str] = {
    Quantity.SYSTOLIC: "8480-6",
    Quantity.DIASTOLIC: "8462-4",
    Quantity.PULSE: "8867-4",
    Quantity.WEIGHT: "29463-7",
    Quantity.LENGTH: "8302-2",
    Quantity.HEAD: "9843-4",
}
_STATES = {DUE: "not-started", BOOKED: "scheduled", KEPT: "completed"}


def plan_resources(
    programme: Programme, care: Care, note: str | None, names: Mapping[Quantity, str], subject: str
) -> Iterable[tuple[str, Json]]:
    """The plan that holds, its goals and the newest measurements, each with its address.

    `names` are the quantities' names, `subject` the address of the person's Patient.
    """
    whose = {"subject": {"reference": subject}}
    goals = [
        (_url(care, f"goal-{number}"), _goal(goal, names) | whose)
        for number, goal in enumerate(care.plan.goals)
    ]
    yield _url(care, "plan"), _plan(programme, care, note, [url for url, _ in goals]) | whose
    yield from goals
    for row in care.measured[-_SHOWN:]:
        for number, sign in enumerate(_signs(row, names)):
            yield _url(care, f"{row.id}-{number}"), sign | whose


def _url(care: Care, part: str) -> str:
    return f"urn:uuid:{uuid5(care.enrolment.id, part)}"


def _plan(programme: Programme, care: Care, note: str | None, goals: Sequence[str]) -> Json:
    plan: Json = {
        "resourceType": "CarePlan",
        "meta": {"versionId": str(care.plan.version)},
        "identifier": [{"system": IDENTIFIER, "value": str(care.enrolment.id)}],
        "status": "active",
        "intent": "plan",
        "title": f"{programme.name.zh} / {programme.name.en}",
        "period": {"start": care.enrolment.enrolled_on.isoformat()},
        "created": _moment(care.plan.made_at),
    }
    if goals:
        plan["goal"] = [{"reference": url} for url in goals]
    if care.follow_ups:
        plan["activity"] = [{"detail": _activity(visit)} for visit in care.follow_ups]
    if note:
        plan["note"] = [{"text": note}]
    return plan


def _activity(visit: FollowUp) -> Json:
    return {
        "status": _STATES[visit.state],
        "description": f"{visit.name_zh} / {visit.name_en}",
        "scheduledPeriod": {
            "start": visit.from_on.isoformat(),
            "end": visit.until_on.isoformat(),
        },
    }


def _goal(stored: Mapping[str, Any], names: Mapping[Quantity, str]) -> Json:
    quantity = Quantity(stored["quantity"])
    least, below = stored["at_least"], stored["below"]
    if least is not None and below is not None:
        bounds: Json = {
            "detailRange": {"low": _quantity(quantity, least), "high": _quantity(quantity, below)}
        }
    elif below is not None:
        bounds = {"detailQuantity": _quantity(quantity, below) | {"comparator": "<"}}
    else:
        bounds = {"detailQuantity": _quantity(quantity, least) | {"comparator": ">="}}
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": names[quantity]},
        "target": [{"measure": _code(quantity, names)} | bounds],
    }


def _signs(row: Measurement, names: Mapping[Quantity, str]) -> Iterable[Json]:
    """A measurement's values; both pressures are one observation."""
    values = dict(measured_of(row).values)
    common: Json = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}],
        "effectiveDateTime": _moment(row.measured_at),
    }
    pressures = [Quantity.SYSTOLIC, Quantity.DIASTOLIC]
    if all(quantity in values for quantity in pressures):
        yield common | {
            "code": {"coding": [{"system": _LOINC, "code": _PANEL}]},
            "component": [
                {"code": _code(one, names), "valueQuantity": _quantity(one, values.pop(one))}
                for one in pressures
            ],
        }
    for quantity, value in values.items():
        yield common | {
            "code": _code(quantity, names),
            "valueQuantity": _quantity(quantity, value),
        }


def _code(quantity: Quantity, names: Mapping[Quantity, str]) -> Json:
    code: Json = {"text": names[quantity]}
    if quantity in _LOINC_OF:
        code["coding"] = [{"system": _LOINC, "code": _LOINC_OF[quantity]}]
    return code


def _quantity(quantity: Quantity, value: float) -> Json:
    number = Number(repr(float(value)).removesuffix(".0"))
    return {"value": number, "unit": UNIT[quantity], "system": _UCUM, "code": UNIT[quantity]}


def _moment(at: Any) -> str:
    return ensure_utc(at).isoformat(timespec="seconds").replace("+00:00", "Z")
