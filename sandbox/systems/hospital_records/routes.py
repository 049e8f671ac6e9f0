"""The record servers' endpoints: searches by form, everything of a patient, pages, files."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, query_int, read_body, read_bytes, reply
from sandbox.shared.documents import file_no, find_anybody
from sandbox.systems.hospital.appointments import (
    RESIDENT_ID_SYSTEM,
    is_patient_number,
    is_patient_system,
)
from sandbox.systems.hospital.wire import MEDIA_TYPE, fhir, outcome
from sandbox.systems.hospital_records import files, signing
from sandbox.systems.hospital_records.resources import (
    Resource,
    decimal,
    resources_of,
)

SCHEMA = """
CREATE TABLE record_patient (
    hospital TEXT NOT NULL, id TEXT NOT NULL, resident_id TEXT NOT NULL, PRIMARY KEY (hospital, id)
);
CREATE TABLE record_added (
    hospital TEXT NOT NULL, resident_id TEXT NOT NULL, number INTEGER NOT NULL,
    resource BLOB NOT NULL
);
"""
GROUP = "hospital_records"
COUNT_DEFAULT, COUNT_MAX = 20, 500
_NUMBER = re.compile(rb'"\\u0001(-?[0-9.eE+-]+)"')
_WITH_REPORTS = frozenset({"Patient", "DiagnosticReport", "Observation", "Media"})
_KINDS = {"reports": _WITH_REPORTS, "patient": frozenset({"Patient"}), "everything": None}
RecordHandler = Callable[[Request, City, str], Awaitable[Response]]


class Addition(Body):
    """A report that a laboratory has just made."""

    resident_id: str = Field(min_length=8, max_length=18)
    number: str = Field(pattern=r"[a-z0-9-]{1,30}")
    name: str = Field(min_length=1, max_length=50)
    value: str = Field(pattern=r"-?[0-9]+(\.[0-9]+)?")
    unit: str = Field("mmol/L", min_length=1, max_length=20)


class Question(Body):
    """Whom the hospital asks."""

    audience: str = Field(min_length=1, max_length=100)


def record_system(number: int, code: str, zh: str, en: str, *, schema: str) -> System:
    """The record server of one hospital."""
    root = f"/hospital-records/{code}/fhir"
    control = f"/_control/hospital-records/{code}"

    def op(name: str, method: str, path: str, handler: RecordHandler) -> Operation:
        async def handle(request: Request, city: City) -> Response:
            try:
                return await handler(request, city, code)
            except Refusal as refusal:
                return fhir(outcome(refusal), refusal.status)

        return Operation(name, method, path, handle)

    return System(
        name=f"{GROUP}_{code}",
        group=GROUP,
        title_zh=f"{zh}病历共享",
        title_en=f"{en}, records",
        schema=schema,
        operations=(
            op("search_reports", "POST", f"{root}/DiagnosticReport/_search", _search_reports),
            op("search_patients", "POST", f"{root}/Patient/_search", _search_patients),
            op("everything", "GET", f"{root}/Patient/{{id}}/$everything", _everything),
            op("next_page", "GET", root, _next_page),
            op("read_file", "GET", f"{root}/Binary/{{id}}", _file),
            op("keys", "GET", f"/hospital-records/{code}/.well-known/jwks.json", _keys),
        ),
        controls=(
            op("add_report", "POST", f"{control}/reports", _add_report),
            op("sign", "POST", f"{control}/sign", _sign),
        ),
    )


async def _search_reports(request: Request, city: City, hospital: str) -> Response:
    return await _search(request, city, hospital, "reports", "patient.identifier")


async def _search_patients(request: Request, city: City, hospital: str) -> Response:
    return await _search(request, city, hospital, "patient", "identifier")


async def _search(request: Request, city: City, hospital: str, kind: str, by: str) -> Response:
    form = dict(parse_qsl((await read_bytes(request)).decode()))
    system, _, value = form.get(by, "").partition("|")
    if not is_patient_system(system) or not is_patient_number(system, value, city.today()):
        raise Refusal(400, "invalid", f"{by} must be {RESIDENT_ID_SYSTEM}|number")
    person = find_anybody(city, value)
    patient_id = None if person is None else _patient_id(city, hospital, person)
    return _page(request, city, hospital, kind, patient_id, _count(form.get("_count")), 0)


async def _everything(request: Request, city: City, hospital: str) -> Response:
    patient_id = request.path_params["id"]
    _person(city, hospital, patient_id)
    count = _count(request.query_params.get("_count"))
    return _page(request, city, hospital, "everything", patient_id, count, 0)


async def _next_page(request: Request, city: City, hospital: str) -> Response:
    kind, _, patient_id = request.query_params.get("_getpages", "").partition(".")
    if kind not in _KINDS:
        raise Refusal(410, "not-found", "no such search")
    count = _count(request.query_params.get("_count"))
    offset = query_int(request, "_getpagesoffset", 0, least=0, most=1_000_000)
    return _page(request, city, hospital, kind, patient_id, count, offset)


async def _file(request: Request, city: City, hospital: str) -> Response:
    body = files.FILES.get(request.path_params["id"])
    if body is None:
        raise Refusal(404, "not-found", "no such Binary")
    return Response(body, media_type="application/octet-stream")


async def _keys(_request: Request, city: City, hospital: str) -> Response:
    return reply(signing.jwks(city, hospital))


async def _sign(request: Request, city: City, hospital: str) -> Response:
    """A question of the hospital's to the city, signed: the bearer of one request."""
    body = await read_body(request, Question)
    return reply({"bearer": signing.sign(city, hospital, body.audience)})


async def _add_report(request: Request, city: City, hospital: str) -> Response:
    added = await read_body(request, Addition)
    person = find_anybody(city, added.resident_id)
    if person is None:
        raise Refusal(404, "not-found", "nobody has this number")
    subject = {"reference": f"Patient/{_patient_id(city, hospital, person)}"}
    now = city.timestamp()
    quantity = {"value": decimal(added.value), "unit": added.unit, "system":
                "http://unitsofmeasure.org", "code": added.unit}  # fmt: skip
    observation = {
        "resourceType": "Observation", "id": f"o-{added.number}", "status": "final",
        "code": {"text": added.name}, "subject": subject, "effectiveDateTime": now,
        "valueQuantity": quantity,
    }  # fmt: skip
    report = {
        "resourceType": "DiagnosticReport", "id": f"r-{added.number}", "status": "final",
        "identifier": [{"system": f"urn:sandbox:{hospital}:report", "value": added.number}],
        "code": {"text": added.name}, "subject": subject, "effectiveDateTime": now, "issued": now,
        "result": [{"reference": f"Observation/o-{added.number}"}],
    }  # fmt: skip
    for resource in (report, observation):
        city.state.run(
            "INSERT INTO record_added (hospital, resident_id, number, resource) "
            "VALUES (?, ?, ?, ?)",
            (hospital, file_no(person), city.state.next_in("record"), orjson.dumps(resource)),
        )
    return fhir(report, 201)


def _page(
    request: Request,
    city: City,
    hospital: str,
    kind: str,
    patient_id: str | None,
    count: int,
    offset: int,
) -> Response:
    """One page of what a hospital has; nobody's is empty."""
    every = [] if patient_id is None else _resources(city, hospital, patient_id)
    kinds = _KINDS[kind]
    found = [one for one in every if kinds is None or one["resourceType"] in kinds]
    base = str(request.url).partition(f"/{hospital}/fhir")[0] + f"/{hospital}/fhir"
    links = [{"relation": "self", "url": base}]
    if offset + count < len(found):
        query = f"_getpages={kind}.{patient_id}&_getpagesoffset={offset + count}&_count={count}"
        links.append({"relation": "next", "url": f"{base}?{query}"})
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [
            {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one,
             "search": {"mode": "match"}}
            for one in found[offset : offset + count]
        ],
    }  # fmt: skip
    if not bundle["entry"]:
        del bundle["entry"]
    return Response(_NUMBER.sub(rb"\1", orjson.dumps(bundle)), media_type=MEDIA_TYPE)


def _resources(city: City, hospital: str, patient_id: str) -> list[Resource]:
    person = _person(city, hospital, patient_id)
    added = city.state.all(
        "SELECT resource FROM record_added WHERE hospital = ? AND resident_id = ? ORDER BY number",
        (hospital, file_no(person)),
    )
    made = resources_of(city.settings.seed, hospital, person, patient_id, city.today())
    return [*made, *(orjson.loads(row["resource"]) for row in added)]


def _person(city: City, hospital: str, patient_id: str) -> Person:
    row = city.state.one(
        "SELECT resident_id FROM record_patient WHERE hospital = ? AND id = ?",
        (hospital, patient_id.removesuffix("-0")),
    )
    person = None if row is None else find_anybody(city, row["resident_id"])
    if person is None:
        raise Refusal(404, "not-found", f"no Patient/{patient_id}")
    return person


def _patient_id(city: City, hospital: str, person: Person) -> str:
    """The hospital's own number of a person, which tells nothing."""
    name = f"{city.settings.seed}:{hospital}:{file_no(person)}"
    patient_id = f"p{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    city.state.run(
        "INSERT INTO record_patient (hospital, id, resident_id) VALUES (?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (hospital, patient_id, file_no(person)),
    )
    return patient_id


def _count(text: str | None) -> int:
    return min(int(text), COUNT_MAX) if text and text.isdigit() and int(text) else COUNT_DEFAULT
