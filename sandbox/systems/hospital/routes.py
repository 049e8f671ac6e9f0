"""The hospitals' FHIR endpoints and control switches."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, read_bytes
from sandbox.systems.hospital import appointments, directory, slots
from sandbox.systems.hospital.directory import Hospital, Resource, numbered
from sandbox.systems.hospital.wire import (
    HospitalHandler,
    at,
    bundle,
    check_search,
    fhir,
    moment_conditions,
    reference_id,
)  # fmt: skip


class Outcome(Body):
    """What became of an appointment."""

    status: Literal["arrived", "fulfilled", "noshow", "cancelled"]


class Rescheduling(Body):
    """To which slot the hospital moves an appointment."""

    slot_id: str


def hospital_system(hospital: Hospital, *, schema: str) -> System:
    """The system of one hospital."""
    root = f"{hospital.base}/{hospital.code}/fhir"
    control = f"/_control{hospital.base}/{hospital.code}"

    def op(name: str, method: str, path: str, handler: HospitalHandler) -> Operation:
        return Operation(name, method, path, at(hospital, handler))

    return System(
        name=f"{hospital.group}_{hospital.code}",
        group=hospital.group,
        title_zh=hospital.name_zh,
        title_en=hospital.name_en,
        schema=schema,
        operations=(
            op("search_organization", "GET", f"{root}/Organization", _organizations),
            op("read_organization", "GET", f"{root}/Organization/{{id}}", _organization),
            op("search_service", "GET", f"{root}/HealthcareService", _services),
            op("read_service", "GET", f"{root}/HealthcareService/{{id}}", _service),
            op("search_practitioner", "GET", f"{root}/Practitioner", _practitioners),
            op("read_practitioner", "GET", f"{root}/Practitioner/{{id}}", _practitioner),
            op("search_role", "GET", f"{root}/PractitionerRole", _roles),
            op("read_role", "GET", f"{root}/PractitionerRole/{{id}}", _role),
            op("search_schedule", "GET", f"{root}/Schedule", _schedules),
            op("read_schedule", "GET", f"{root}/Schedule/{{id}}", _schedule),
            op("search_slot", "GET", f"{root}/Slot", _slots),
            op("read_slot", "GET", f"{root}/Slot/{{id}}", _slot),
            op("create_appointment", "POST", f"{root}/Appointment", _create),
            op("search_appointment", "GET", f"{root}/Appointment", _appointments),
            op("read_appointment", "GET", f"{root}/Appointment/{{id}}", _appointment),
            op("update_appointment", "PUT", f"{root}/Appointment/{{id}}", _update),
        ),
        controls=(
            op("take_slot", "POST", f"{control}/slots/{{id}}/take", _take_slot),
            op("outcome", "POST", f"{control}/appointments/{{id}}/outcome", _outcome),
            op("reschedule", "POST", f"{control}/appointments/{{id}}/reschedule", _reschedule),
        ),
    )


async def _organizations(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, set())
    return bundle(request, [directory.organization(hospital)])


async def _organization(request: Request, city: City, hospital: Hospital) -> Response:
    if request.path_params["id"] != hospital.code:
        raise _not_found(request)
    return fhir(directory.organization(hospital))


async def _services(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, {"organization", "service-category"})
    wanted = reference_id(request, "organization", ["Organization"])
    if wanted is not None and wanted[1] != hospital.code:
        return bundle(request, [])
    token = request.query_params.get("service-category")
    codes = None if token is None else {part.rpartition("|")[2] for part in token.split(",")}
    found = directory.healthcare_services(hospital)
    return bundle(
        request,
        [s for s in found if codes is None or s["category"][0]["coding"][0]["code"] in codes],
    )


async def _service(request: Request, city: City, hospital: Hospital) -> Response:
    for service in directory.healthcare_services(hospital):
        if service["id"] == request.path_params["id"]:
            return fhir(service)
    raise _not_found(request)


async def _practitioners(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, set())
    return bundle(
        request, _each(directory.practitioner, range(hospital.doctor_count), city, hospital)
    )


async def _practitioner(request: Request, city: City, hospital: Hospital) -> Response:
    number = _number(request, "p", hospital.doctor_count)
    return fhir(directory.practitioner(city.settings.seed, hospital, number))


async def _roles(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, {"service", "practitioner"})
    service = reference_id(request, "service", ["HealthcareService"])
    person = reference_id(request, "practitioner", ["Practitioner"])
    wanted = [reference for reference in (service, person) if reference is not None]
    doctors = _calendars_of(wanted, range(hospital.doctor_count), hospital)
    return bundle(request, _each(directory.practitioner_role, doctors, city, hospital))


async def _role(request: Request, city: City, hospital: Hospital) -> Response:
    number = _number(request, "r", hospital.doctor_count)
    return fhir(directory.practitioner_role(city.settings.seed, hospital, number))


async def _schedules(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, {"actor"})
    kinds = ("PractitionerRole", "Practitioner", "HealthcareService")
    actor = reference_id(request, "actor", kinds)
    wanted = [actor] if actor else []
    calendars = _calendars_of(wanted, range(hospital.calendar_count), hospital)
    return bundle(request, _each(directory.schedule, calendars, city, hospital))


async def _schedule(request: Request, city: City, hospital: Hospital) -> Response:
    number = _number(request, "sch", hospital.calendar_count)
    return fhir(directory.schedule(city.settings.seed, hospital, number))


async def _slots(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, {"schedule", "schedule.actor", "status", "start", "_summary"})
    schedule = reference_id(request, "schedule", ["Schedule"])
    actor = reference_id(request, "schedule.actor", ("HealthcareService", "PractitionerRole"))
    if schedule is not None:
        number = numbered("sch", schedule[1], hospital.calendar_count)
        calendars = [] if number is None else [number]
    elif actor is not None:
        calendars = _calendars_of([actor], range(hospital.calendar_count), hospital)
    else:
        raise Refusal(400, "required", "schedule or schedule.actor is required")
    statuses = request.query_params.get("status", "free,busy,busy-unavailable").split(",")
    within = moment_conditions(request, "start")
    every = [slot for number in calendars for slot in slots.list_slots(city, hospital, number)]
    found = [s for s in every if s.status in statuses and all(holds(s.start) for holds in within)]
    if request.query_params.get("_summary") == "count":
        return fhir({"resourceType": "Bundle", "type": "searchset", "total": len(found)})
    return bundle(request, [slots.describe(slot) for slot in found])


async def _slot(request: Request, city: City, hospital: Hospital) -> Response:
    slot = slots.find_slot(city, hospital, request.path_params["id"])
    if slot is None:
        raise _not_found(request)
    return fhir(slots.describe(slot))


async def _create(request: Request, city: City, hospital: Hospital) -> Response:
    resource = appointments.read(await read_bytes(request))
    condition = request.headers.get("if-none-exist")
    row, is_new = appointments.create(city, hospital, resource, condition)
    location = f"{str(request.url).partition('?')[0]}/{row['id']}"
    headers = {"ETag": appointments.etag(row), "Location": location}
    return fhir(appointments.describe(row), 201 if is_new else 200, headers)


async def _appointments(request: Request, city: City, hospital: Hospital) -> Response:
    check_search(request, {"identifier", "_lastUpdated"})
    token = request.query_params.get("identifier")
    if token is None:
        raise Refusal(400, "required", "identifier is required")
    since = moment_conditions(request, "_lastUpdated")
    if since and token.endswith("|"):  # every identifier of a system
        rows = appointments.list_of_system(city, hospital, token.removesuffix("|"))
        changed = [
            row for row in rows
            if all(holds(datetime.fromisoformat(row["updated_at"])) for holds in since)
        ]  # fmt: skip
        return bundle(request, [appointments.describe(row) for row in changed])
    row = appointments.find_by_identifier(city, hospital, appointments.parse_token(token))
    return bundle(request, [] if row is None else [appointments.describe(row)])


async def _appointment(request: Request, city: City, hospital: Hospital) -> Response:
    row = appointments.get(city, hospital, request.path_params["id"])
    return fhir(appointments.describe(row), headers={"ETag": appointments.etag(row)})


async def _update(request: Request, city: City, hospital: Hospital) -> Response:
    resource = appointments.read(await read_bytes(request))
    if_match = request.headers.get("if-match")
    row = appointments.update(city, hospital, request.path_params["id"], resource, if_match)
    return fhir(appointments.describe(row), headers={"ETag": appointments.etag(row)})


async def _take_slot(request: Request, city: City, hospital: Hospital) -> Response:
    row = appointments.take_slot(city, hospital, request.path_params["id"])
    return fhir(appointments.describe(row), 201)


async def _outcome(request: Request, city: City, hospital: Hospital) -> Response:
    status = (await read_body(request, Outcome)).status
    row = appointments.set_outcome(city, hospital, request.path_params["id"], status)
    return fhir(appointments.describe(row))


async def _reschedule(request: Request, city: City, hospital: Hospital) -> Response:
    slot_id = (await read_body(request, Rescheduling)).slot_id
    row = appointments.reschedule(city, hospital, request.path_params["id"], slot_id)
    return fhir(appointments.describe(row))


def _each(
    describe: Callable[[int, Hospital, int], Resource],
    numbers: Iterable[int],
    city: City,
    hospital: Hospital,
) -> list[Resource]:
    return [describe(city.settings.seed, hospital, number) for number in numbers]


def _calendars_of(
    wanted: Iterable[tuple[str, str]], numbers: Iterable[int], hospital: Hospital
) -> list[int]:
    """The calendars to which every wanted reference belongs."""
    references = {f"{kind}/{identifier}" for kind, identifier in wanted}
    return [n for n in numbers if references <= directory.references_of(hospital, n)]


def _number(request: Request, kind: str, most: int) -> int:
    number = numbered(kind, request.path_params["id"], most)
    if number is None:
        raise _not_found(request)
    return number


def _not_found(request: Request) -> Refusal:
    return Refusal(404, "not-found", f"no {'/'.join(request.url.path.split('/')[-2:])}")
