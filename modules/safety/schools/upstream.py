"""The education bureau's registry; see docs/upstreams/schools.md."""

import base64
from dataclasses import dataclass
from datetime import date, time
from operator import attrgetter
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.context.app import App
from core.deadline import Deadline
from core.errors import Unavailable
from core.people.personal_read import Access, about_person
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.standards.document_codes import EDUCATION
from core.texts import Named
from core.upstream.operation import NOTHING, Request, System, json_of, records_of
from core.upstream.records import Records
from core.upstream.registers import Register, read_register
from modules.safety.schools import texts
from modules.safety.schools.domain import Enrolment, School

BUREAU = System("schools", documents=EDUCATION)


@dataclass(frozen=True, slots=True)
class TermRecord:
    """From the first to the last day of school."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class DayRecord:
    """A day with other hours; null: no school."""

    on: date
    arrive_by: time | None


@dataclass(frozen=True, slots=True)
class SchoolRecord:
    """A school as the registry tells it; the key is base64 of its 32 bytes."""

    code: str
    name_zh: str
    name_en: str
    gate_key: str
    arrive_by: time
    terms: list[TermRecord]
    days: list[DayRecord]


def _school(record: SchoolRecord) -> School:
    """Raises ValueError for a key that is none."""
    return School(
        record.code,
        Named(record.name_zh, record.name_en),
        Ed25519PublicKey.from_public_bytes(base64.b64decode(record.gate_key, validate=True)),
        record.arrive_by,
        [(term.first, term.last) for term in record.terms],
        {day.on: day.arrive_by for day in record.days},
    )


@BUREAU.operation("GET", "/registry", answers=records_of(SchoolRecord, "schools"), probe=())
def list_registry() -> Request:
    """Every school with its gates' key, its hours, terms and special days."""
    return Request()


async def list_schools(app: App, deadline: Deadline) -> Register[School]:
    """Every school by code; what is silent or cannot be read is answered from memory for a week.

    Raises Unavailable.
    """

    async def ask() -> Records[School]:
        return list_registry.convert(app, await list_registry(app, deadline), _school)

    key = attrgetter("code")
    schools = await read_register(app.last_good, ("city", "schools"), ask, key, clock=app.clock)
    if schools is None:
        raise unreadable_registry()
    return schools


def unreadable_registry() -> Unavailable:
    """What is said where the registry, or what it may have of a school, cannot be read."""
    return Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BUREAU)


@BUREAU.operation(
    "POST", "/pupils/query", answers=json_of(Enrolment).or_none(404), safe=True, personal=True
)
def find_enrolment(access: Access) -> Request:
    """Where the child in `access` goes to school; None where it goes to none."""
    return Request(json=about_person(access), access=access)


@BUREAU.operation("PUT", "/leaves/{leave_id}", answers=NOTHING, safe=True)
def report_leave(
    leave_id: UUID, school_code: str, pupil_ref: str, from_on: date, until_on: date
) -> Request:
    """Tell a school that a pupil stays away on some days; by its id once."""
    days = {"from_on": from_on.isoformat(), "until_on": until_on.isoformat()}
    body = {"school": school_code, "pupil_ref": pupil_ref} | days
    return Request(path={"leave_id": str(leave_id)}, json=body)


@BUREAU.operation("DELETE", "/leaves/{leave_id}", answers=NOTHING, safe=True)
def withdraw_leave(leave_id: UUID) -> Request:
    """Take a leave back; one that is unknown is no error."""
    return Request(path={"leave_id": str(leave_id)})
