"""Appointments: a slot has at most one that lives; the database refuses a second."""

import re
import uuid
from datetime import date, datetime
from typing import Any

import orjson
from fhir.resources.R4B.appointment import Appointment
from pydantic import ValidationError

from core.ids import is_resident_id
from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City
from sandbox.server.wire import Refusal
from sandbox.shared.documents import FHIR
from sandbox.systems.hospital import directory, slots
from sandbox.systems.hospital.bindings import wrong_codes
from sandbox.systems.hospital.directory import Hospital, Resource

SCHEMA = """
CREATE TABLE hospital_appointment (
    hospital TEXT NOT NULL, id TEXT NOT NULL, identifier_system TEXT, identifier_value TEXT,
    slot_id TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
    resource BLOB NOT NULL, updated_at TEXT NOT NULL,
    live INTEGER GENERATED ALWAYS AS (status NOT IN ('cancelled', 'entered-in-error')) STORED,
    PRIMARY KEY (hospital, id),
    UNIQUE (hospital, identifier_system, identifier_value)
);
CREATE UNIQUE INDEX hospital_slot_once ON hospital_appointment (hospital, slot_id) WHERE live;
"""
RESIDENT_ID_SYSTEM = "urn:oid:2.16.156.10011.1.3"
"""The national OID of resident identity card numbers."""


def read(raw: bytes) -> Resource:
    """A request body as an Appointment. Raises Refusal 400 for what FHIR forbids."""
    try:
        appointment = Appointment.model_validate_json(raw)
        resource: Resource = orjson.loads(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refusal(400, "structure", f"{where}: {first['msg']}") from None
    except orjson.JSONDecodeError:
        raise Refusal(400, "structure", "not JSON") from None
    for wrong in wrong_codes(appointment, "Appointment"):
        raise Refusal(400, "code-invalid", wrong)
    return resource


def create(
    city: City, hospital: Hospital, appointment: Resource, if_none_exist: str | None
) -> tuple[Row, bool]:
    """Book a slot; returns the appointment and whether it is new.

    Raises Refusal: 409 `duplicate` for a taken slot or a used identifier, 422 where the slot or
    patient is no good, 400 for a bad condition.
    """
    identifier = _own_identifier(appointment)
    with city.state.transaction():
        if if_none_exist is not None:
            known = find_by_identifier(city, hospital, _condition(if_none_exist, identifier))
            if known is not None:
                return known, False
        elif identifier is not None and find_by_identifier(city, hospital, identifier) is not None:
            raise Refusal(409, "duplicate", "an appointment with this identifier exists")
        if appointment.get("status") != "booked":
            raise Refusal(422, "business-rule", "a new appointment has the status booked")
        _check_patient(appointment, city.today())
        slot = _free_slot(city, hospital, appointment)
        resource = _completed(hospital, appointment, slot, city.now())
        return _insert(city, hospital, resource, slot.slot_id, identifier), True


def get(city: City, hospital: Hospital, appointment_id: str) -> Row:
    """The appointment of this id. Raises Refusal 404 `not-found`."""
    row = city.state.one(
        "SELECT * FROM hospital_appointment WHERE hospital = ? AND id = ?",
        (hospital.code, appointment_id),
    )
    if row is None:
        raise Refusal(404, "not-found", f"no Appointment/{appointment_id}")
    return row


def find_by_identifier(
    city: City, hospital: Hospital, identifier: tuple[str | None, str]
) -> Row | None:
    """The appointment with this identifier (system None: whatever the system), or None."""
    return city.state.one(
        "SELECT * FROM hospital_appointment WHERE hospital = ?1 AND identifier_value = ?3 "
        "AND (?2 IS NULL OR identifier_system = ?2)",
        (hospital.code, *identifier),
    )


def list_of_system(city: City, hospital: Hospital, system: str) -> list[Row]:
    """The appointments with an identifier of a system, the last changed first."""
    return city.state.all(
        "SELECT * FROM hospital_appointment WHERE hospital = ?1 AND identifier_system = ?2 "
        "ORDER BY updated_at DESC, id",
        (hospital.code, system),
    )


def update(
    city: City, hospital: Hospital, appointment_id: str, resource: Resource, if_match: str | None
) -> Row:
    """Cancel an appointment, which frees its slot; repeating it changes nothing.

    Raises Refusal: 428 without If-Match, 412 `conflict` for another version, 422 for any other
    change or too late, 404.
    """
    with city.state.transaction():
        row = get(city, hospital, appointment_id)
        if if_match is None:
            raise Refusal(428, "required", "If-Match is required")
        if if_match != etag(row):
            raise Refusal(412, "conflict", f"the appointment is at {etag(row)}")
        if resource.get("id") != appointment_id:
            raise Refusal(400, "invalid", "the resource's id must be that of the address")
        if resource.get("status") != "cancelled":
            raise Refusal(422, "business-rule", "an appointment can only be cancelled")
        if row["status"] == "cancelled":
            return row
        if row["status"] != "booked":
            raise Refusal(422, "business-rule", f"the appointment is {row['status']}")
        stored = orjson.loads(row["resource"])
        if datetime.fromisoformat(stored["start"]) <= city.now():
            raise Refusal(422, "business-rule", "the slot has begun")
        reasons = {k: resource[k] for k in ("cancelationReason", "comment") if k in resource}
        return _store(city, hospital, row, stored | reasons, "cancelled")


def set_outcome(city: City, hospital: Hospital, appointment_id: str, status: str) -> Row:
    """What the hospital itself records: arrived, fulfilled, no-show, or cancelled by it."""
    with city.state.transaction():
        row = get(city, hospital, appointment_id)
        return _store(city, hospital, row, orjson.loads(row["resource"]), status)


def reschedule(city: City, hospital: Hospital, appointment_id: str, slot_id: str) -> Row:
    """The hospital itself moves an appointment to a free slot. Raises Refusal as `create` does."""
    with city.state.transaction():
        row = get(city, hospital, appointment_id)
        moved = orjson.loads(row["resource"]) | {"slot": [{"reference": f"Slot/{slot_id}"}]}
        slot = _free_slot(city, hospital, {"slot": moved["slot"]})
        city.state.run(
            "UPDATE hospital_appointment SET slot_id = ? WHERE hospital = ? AND id = ?",
            (slot_id, hospital.code, appointment_id),
        )
        resource = moved | {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
        return _store(city, hospital, row, resource, row["status"])


def take_slot(city: City, hospital: Hospital, slot_id: str) -> Row:
    """Somebody at the counter books this slot. Raises Refusal as `create` does."""
    with city.state.transaction():
        appointment: Resource = {
            "resourceType": "Appointment",
            "status": "booked",
            "slot": [{"reference": f"Slot/{slot_id}"}],
            "participant": [{"actor": {"display": "窗口挂号 / counter"}, "status": "accepted"}],
        }
        slot = _free_slot(city, hospital, appointment)
        resource = _completed(hospital, appointment, slot, city.now())
        return _insert(city, hospital, resource, slot_id, None)


def describe(row: Row) -> Resource:
    """The stored appointment as a FHIR resource with its version."""
    stored: Resource = orjson.loads(row["resource"])
    meta = {"versionId": str(row["version"]), "lastUpdated": row["updated_at"]}
    return stored | {"id": row["id"], "meta": meta, "status": row["status"]}


def etag(row: Row) -> str:
    """The weak entity tag of the stored version."""
    return f'W/"{row["version"]}"'


def parse_token(token: str) -> tuple[str | None, str]:
    """A FHIR token `system|value` or `value`. Raises Refusal 400 `invalid` without a value."""
    system, bar, value = token.rpartition("|")
    if not value:
        raise Refusal(400, "invalid", "identifier must be system|value")
    return (system if bar else None), value


def _condition(header: str, own: tuple[str | None, str] | None) -> tuple[str | None, str]:
    name, _, token = header.partition("=")
    if name != "identifier":
        raise Refusal(400, "not-supported", "If-None-Exist must be identifier=system|value")
    wanted = parse_token(token)
    if wanted != own:
        raise Refusal(400, "invalid", "If-None-Exist must name the appointment's own identifier")
    return wanted


def _own_identifier(resource: Resource) -> tuple[str | None, str] | None:
    identifiers = resource.get("identifier", [])
    if not identifiers:
        return None
    if len(identifiers) > 1 or not identifiers[0].get("value"):
        raise Refusal(422, "business-rule", "one identifier with a value, please")
    return identifiers[0].get("system"), identifiers[0]["value"]


def _check_patient(resource: Resource, today: date) -> None:
    identifiers: list[dict[str, Any]] = [
        participant.get("actor", {}).get("identifier", {})
        for participant in resource["participant"]
    ]
    patients = [one for one in identifiers if is_patient_system(one.get("system"))]
    if len(patients) != 1 or not is_patient_number(
        patients[0]["system"], patients[0].get("value", ""), today
    ):
        message = f"one participant needs actor.identifier with system {RESIDENT_ID_SYSTEM}"
        raise Refusal(422, "business-rule", message)


def is_patient_system(system: str | None) -> bool:
    """Whether patients are identified by numbers of this system: ID numbers, other documents."""
    return system in FHIR


def is_patient_number(system: str | None, number: str, today: date) -> bool:
    """Whether a number has the form of its system."""
    if system is None or system == RESIDENT_ID_SYSTEM:
        return is_resident_id(number, today=today)
    return re.fullmatch(FHIR[system], number) is not None


def _free_slot(city: City, hospital: Hospital, resource: Resource) -> slots.Slot:
    references = [one.get("reference", "") for one in resource.get("slot", [])]
    if len(references) != 1 or not references[0].startswith("Slot/"):
        raise Refusal(422, "business-rule", "exactly one Slot reference is needed")
    slot = slots.find_slot(city, hospital, references[0].removeprefix("Slot/"))
    if slot is None:
        raise Refusal(422, "not-found", f"no {references[0]}")
    if slot.status == "busy-unavailable":
        raise Refusal(422, "business-rule", "the slot has begun")
    if slot.status != "free":
        raise Refusal(409, "duplicate", "the slot is taken")
    for member, moment in (("start", slot.start), ("end", slot.end)):
        if member in resource and datetime.fromisoformat(resource[member]) != moment:
            raise Refusal(422, "business-rule", f"{member} is not the slot's")
    return slot


def _completed(hospital: Hospital, resource: Resource, slot: slots.Slot, now: datetime) -> Resource:
    """What was asked with what the hospital knows: times, the fee, when it was made."""
    fee = directory.fee_extension(directory.fee_fen(hospital, slot.calendar))
    extensions = [one for one in resource.get("extension", []) if one["url"] != directory.FEE_URL]
    return resource | {
        "extension": [*extensions, fee],
        "start": slot.start.isoformat(),
        "end": slot.end.isoformat(),
        "minutesDuration": slots.SLOT_LENGTH.seconds // 60,
        "created": now.astimezone(SHANGHAI).isoformat(timespec="seconds"),
    }


def _insert(
    city: City,
    hospital: Hospital,
    resource: Resource,
    slot_id: str,
    identifier: tuple[str | None, str] | None,
) -> Row:
    name = f"{city.settings.seed}:{hospital.code}:{city.serial('appointment')}"
    appointment_id = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    city.state.run(
        "INSERT INTO hospital_appointment (hospital, id, identifier_system, identifier_value, "
        "slot_id, status, resource, updated_at) VALUES (?, ?, ?, ?, ?, 'booked', ?, ?)",
        (hospital.code, appointment_id, *(identifier or (None, None)), slot_id,
         orjson.dumps(resource), city.now().isoformat(timespec="milliseconds")),
    )  # fmt: skip
    return get(city, hospital, appointment_id)


def _store(city: City, hospital: Hospital, row: Row, resource: Resource, status: str) -> Row:
    city.state.run(
        "UPDATE hospital_appointment SET status = ?, resource = ?, version = version + 1, "
        "updated_at = ? WHERE hospital = ? AND id = ?",
        (status, orjson.dumps(resource), city.now().isoformat(timespec="milliseconds"),
         hospital.code, row["id"]),
    )  # fmt: skip
    return get(city, hospital, row["id"])
