"""The registry over FHIR R4: Immunization per dose given, ImmunizationRecommendation per person."""

import random
import sqlite3
import uuid
from datetime import UTC, date

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.months import months_later
from sandbox.population.people import Person
from sandbox.server.system import City, Handler, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, read_bytes
from sandbox.shared.documents import FHIR, file_no, find_anybody, number_of, type_of
from sandbox.systems.hospital.appointments import (
    RESIDENT_ID_SYSTEM,
    is_patient_number,
    is_patient_system,
    parse_token,
)
from sandbox.systems.hospital.directory import Resource, in_english
from sandbox.systems.hospital.wire import bundle, check_search, fhir, outcome
from sandbox.systems.immunisation.programme import (
    CHILDHOOD_YEARS,
    LOOK_AHEAD,
    OVERDUE_AFTER,
    Dose,
    Vaccine,
    doses_of,
    given_on,
)

SCHEMA = """
CREATE TABLE immunisation_dose (
    resident_id TEXT NOT NULL, vaccine TEXT NOT NULL, number INTEGER NOT NULL,
    given_on TEXT NOT NULL, PRIMARY KEY (resident_id, vaccine, number)
);
"""
VACCINE_SYSTEM = "urn:sandbox:fhir:vaccine"
STATUS_SYSTEM = "http://terminology.hl7.org/CodeSystem/immunization-recommendation-status"
LOINC = "http://loinc.org"
EARLIEST, DUE = ("30981-5", "Earliest date to give"), ("30980-7", "Date vaccine due")


class GivenDose(Body):
    """A dose given now."""

    resident_id: str = Field(min_length=1, max_length=18)
    vaccine_code: str = Field(min_length=1, max_length=16)
    dose_number: int = Field(ge=1, le=9)


async def _immunizations(request: Request, city: City) -> Response:
    person = _patient(request, city)
    given = [(dose, on) for dose, on in _history(city, person) if on is not None]
    return bundle(request, [_immunization(city, person, dose, on) for dose, on in given])


async def _recommendations(request: Request, city: City) -> Response:
    person = _patient(request, city)
    wanted = [_recommendation(city, dose) for dose in _due(city, person)]
    if not wanted:
        return bundle(request, [])
    return bundle(
        request,
        [
            {
                "resourceType": "ImmunizationRecommendation",
                "id": _id(city, person, "recommendation"),
                "patient": _reference(person),
                "date": city.now().astimezone(UTC).isoformat(timespec="seconds"),
                "recommendation": wanted,
            }
        ],
    )


async def _give(request: Request, city: City) -> Response:
    """A clinic gives a dose: 404 for who or what is unknown, 409 `duplicate` if it was given."""
    body = await read_body(request, GivenDose)
    person = find_anybody(city, body.resident_id)
    wanted = (body.vaccine_code, body.dose_number)
    found = [
        (dose, on)
        for dose, on in ([] if person is None else _history(city, person))
        if (dose.vaccine.code, dose.number) == wanted
    ]
    if person is None or not found:
        raise Refusal(404, "not-found", "no such person or dose")
    dose, known_on = found[0]
    if known_on is not None:
        raise Refusal(409, "duplicate", f"given on {known_on}")
    try:
        city.state.run(
            "INSERT INTO immunisation_dose VALUES (?, ?, ?, ?)",
            (file_no(person), *wanted, city.today().isoformat()),
        )
    except sqlite3.IntegrityError:
        raise Refusal(409, "duplicate", "given just now") from None
    return fhir(_immunization(city, person, dose, city.today()), 201)


def _patient(request: Request, city: City) -> Person:
    check_search(request, {"patient.identifier"})
    token = request.query_params.get("patient.identifier")
    if token is None:
        raise Refusal(400, "required", "patient.identifier is required")
    system, number = parse_token(token)
    known = system is None or is_patient_system(system)
    if not known or not is_patient_number(system, number, city.today()):
        raise Refusal(400, "invalid", f"patient.identifier must be {RESIDENT_ID_SYSTEM}|…")
    person = find_anybody(city, number)
    if person is None:
        raise Refusal(404, "not-found", "no such person in the registry")
    return person


def _history(city: City, person: Person) -> list[tuple[Dose, date | None]]:
    """Every dose of the programme with the day it was given; nothing known of the old."""
    if person.born_on.year < city.today().year - CHILDHOOD_YEARS:
        return []
    rows = city.state.all(
        "SELECT * FROM immunisation_dose WHERE resident_id = ?", (file_no(person),)
    )
    later = {(row["vaccine"], row["number"]): date.fromisoformat(row["given_on"]) for row in rows}
    return [
        (
            dose,
            later.get((dose.vaccine.code, dose.number))
            or given_on(city.settings.seed, person, dose, city.today()),
        )
        for dose in doses_of(person)
    ]


def _due(city: City, person: Person) -> list[Dose]:
    """The next dose of each vaccine, if it is due by now or will be within two months."""
    open_doses: dict[str, Dose] = {}
    for dose, on in _history(city, person):
        if on is None:
            open_doses.setdefault(dose.vaccine.code, dose)
    horizon = city.today() + LOOK_AHEAD
    return [dose for dose in open_doses.values() if dose.due_on <= horizon]


def _immunization(city: City, person: Person, dose: Dose, on: date) -> Resource:
    lot = random.Random(f"{city.settings.seed}:lot:{dose.vaccine.code}:{on:%Y%m}").randrange(10**6)
    return {
        "resourceType": "Immunization",
        "id": _id(city, person, f"{dose.vaccine.code}-{dose.number}"),
        "status": "completed",
        "vaccineCode": _vaccine(dose.vaccine),
        "patient": _reference(person),
        "occurrenceDateTime": on.isoformat(),
        "primarySource": True,
        "lotNumber": f"SBX{lot:06d}",
        "protocolApplied": [
            {
                "targetDisease": [{"text": dose.vaccine.disease_zh}],
                "doseNumberPositiveInt": dose.number,
                "seriesDosesPositiveInt": len(dose.vaccine.due_months),
            }
        ],
    }


def _recommendation(city: City, dose: Dose) -> Resource:
    status = "overdue" if dose.due_on + OVERDUE_AFTER < city.today() else "due"
    return {
        "vaccineCode": [_vaccine(dose.vaccine)],
        "targetDisease": {"text": dose.vaccine.disease_zh},
        "forecastStatus": {"coding": [{"system": STATUS_SYSTEM, "code": status}]},
        "dateCriterion": [
            _criterion(EARLIEST, dose.due_on),
            _criterion(DUE, months_later(dose.due_on, 1)),
        ],
        "doseNumberPositiveInt": dose.number,
        "seriesDosesPositiveInt": len(dose.vaccine.due_months),
    }


def _criterion(kind: tuple[str, str], on: date) -> Resource:
    code, display = kind
    return {
        "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "value": f"{on}T00:00:00+08:00",
    }


def _vaccine(vaccine: Vaccine) -> Resource:
    return {
        "coding": [{"system": VACCINE_SYSTEM, "code": vaccine.code, "display": vaccine.name_en}],
        "text": vaccine.name_zh,
        "_text": in_english(vaccine.name_en),
    }


def _reference(person: Person) -> Resource:
    number = number_of(person)
    return {"identifier": {"system": type_of(FHIR, number), "value": number}}


def _id(city: City, person: Person, what: str) -> str:
    """A stable id that does not tell whose it is."""
    name = f"{city.settings.seed}:{file_no(person)}:{what}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _as_fhir(handler: Handler) -> Handler:
    async def handle(request: Request, city: City) -> Response:
        try:
            return await handler(request, city)
        except Refusal as refusal:
            return fhir(outcome(refusal), refusal.status)

    return handle


def _posted(handler: Handler) -> Handler:
    """The same search with its parameters in a form."""

    async def handle(request: Request, city: City) -> Response:
        form = await read_bytes(request)
        return await handler(Request(dict(request.scope, query_string=form)), city)

    return handle


_ROOT = "/immunisation/fhir"
REGISTRY = System(
    name="immunisation",
    title_zh="免疫规划信息系统",
    title_en="Immunisation registry",
    schema=SCHEMA,
    operations=(
        Operation("search_immunization", "GET", f"{_ROOT}/Immunization", _as_fhir(_immunizations)),
        Operation(
            "search_recommendation", "GET", f"{_ROOT}/ImmunizationRecommendation",
            _as_fhir(_recommendations),
        ),
        Operation(
            "post_immunization", "POST", f"{_ROOT}/Immunization/_search",
            _as_fhir(_posted(_immunizations)),
        ),
        Operation(
            "post_recommendation", "POST", f"{_ROOT}/ImmunizationRecommendation/_search",
            _as_fhir(_posted(_recommendations)),
        ),
    ),
    controls=(Operation("give", "POST", "/_control/immunisation/doses", _as_fhir(_give)),),
)  # fmt: skip
