"""The control plane under /_control: look into the city, break it on purpose, begin again."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population import institutions
from sandbox.population.households import ACCOUNT_KINDS, account_no, address_zh
from sandbox.population.people import (
    CROWD_SIZE,
    STAFF_ROLES,
    DemoPerson,
    Person,
    sandbox_totp_secret,
)
from sandbox.population.vehicles import Vehicles
from sandbox.server.faults import CALLBACK_OPERATION, Fault
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Refusal, query_int, read_body, reply

PAGE_MAX = 1000


def operations(systems: tuple[System, ...]) -> tuple[Operation, ...]:
    """The routes of the control plane for a city of these systems."""
    operations_of = {
        s.name: sorted({name for op in s.operations for name in op.fault_names}) for s in systems
    }
    groups = {s.group: [t.name for t in systems if t.group == s.group] for s in systems if s.group}

    async def healthz(request: Request, city: City) -> Response:
        facts = {"status": "ok", "seed": city.settings.seed, "now": city.now().isoformat()}
        return reply({**facts, "systems": sorted(operations_of)})

    async def list_systems(request: Request, city: City) -> Response:
        return reply(
            [
                {"name": s.name, "title_zh": s.title_zh, "title_en": s.title_en}
                | {"operations": operations_of[s.name]}
                for s in systems
            ]
        )

    async def set_fault(request: Request, city: City) -> Response:
        names = _members(request.path_params["system"])
        fault = await read_body(request, Fault)
        if fault.operation not in (None, CALLBACK_OPERATION, *operations_of[names[0]]):
            known = ", ".join([*operations_of[names[0]], CALLBACK_OPERATION])
            raise Refusal(404, "NO_SUCH_OPERATION", f"{names[0]} has: {known}")
        for name in names:
            city.faults.set(name, fault)
        return reply(city.faults.listing())

    async def clear_fault(request: Request, city: City) -> Response:
        for name in _members(request.path_params["system"]):
            city.faults.clear(name)
        return Response(status_code=204)

    def _members(name: str) -> list[str]:
        """The systems of a group, or the one system of this name."""
        if name not in groups and name not in operations_of:
            known = sorted([*operations_of, *groups])
            raise Refusal(404, "NO_SUCH_SYSTEM", f"systems and groups: {', '.join(known)}")
        return groups.get(name, [name])

    return (
        Operation("healthz", "GET", "/_control/healthz", healthz),
        Operation("systems", "GET", "/_control/systems", list_systems),
        Operation("set_fault", "PUT", "/_control/faults/{system}", set_fault),
        Operation("clear_fault", "DELETE", "/_control/faults/{system}", clear_fault),
        *_OF_ANY_CITY,
    )


async def _reset(request: Request, city: City) -> Response:
    city.state.reset()
    city.faults.load()
    city.faults.take_delays()
    return Response(status_code=204)


async def _people(request: Request, city: City) -> Response:
    return reply([_demo_person(city, person) for person in city.population.demo])


async def _city(request: Request, city: City) -> Response:
    """Departments, schools and hospitals; the larger crowds have listings of their own."""
    hospitals = [
        {"code": code, "name_zh": zh, "name_en": en, "grade_zh": grade}
        for code, zh, en, grade in institutions.HOSPITALS
    ]
    return reply(
        {
            "departments": institutions.departments(),
            "schools": institutions.schools(),
            "hospitals": hospitals,
            "companies_total": institutions.SME_COUNT,
            "population_total": CROWD_SIZE,
        }
    )


async def _population(request: Request, city: City) -> Response:
    offset, limit = _page(request)
    numbers = range(offset, min(offset + limit, CROWD_SIZE))
    people = [_person(city, city.population.crowd(number)) for number in numbers]
    return reply({"total": CROWD_SIZE, "offset": offset, "people": people})


async def _companies(request: Request, city: City) -> Response:
    offset, limit = _page(request)
    numbers = range(offset, min(offset + limit, institutions.SME_COUNT))
    listed = [institutions.company(city.settings.seed, number) for number in numbers]
    return reply({"total": institutions.SME_COUNT, "offset": offset, "companies": listed})


async def _faults(request: Request, city: City) -> Response:
    return reply(city.faults.listing())


async def _clear_faults(request: Request, city: City) -> Response:
    city.faults.clear()
    return Response(status_code=204)


async def _delays(request: Request, city: City) -> Response:
    return reply(city.faults.take_delays())


async def _callbacks(request: Request, city: City) -> Response:
    return reply({"callbacks": city.callbacks.listing(request.query_params.get("system"))})


async def _resend(request: Request, city: City) -> Response:
    if not city.callbacks.resend(request.path_params["id"]):
        raise Refusal(404, "NO_SUCH_CALLBACK")
    return Response(status_code=202)


def _page(request: Request) -> tuple[int, int]:
    offset = query_int(request, "offset", 0, least=0, most=10_000_000)
    return offset, query_int(request, "limit", 100, least=1, most=PAGE_MAX)


def _demo_person(city: City, person: DemoPerson) -> dict[str, object]:
    described = {"key": person.key, "role": person.role} | _person(city, person)
    if person.role == "sme_owner":
        described["company_uscc"] = institutions.uscc(0)
    if person.role in STAFF_ROLES:
        described["totp_secret"] = sandbox_totp_secret(person)
    return described | {"note_zh": person.note_zh, "note_en": person.note_en}


def _person(city: City, person: Person) -> dict[str, object]:
    accounts = {
        f"{kind}_account_no": account_no(kind, person.household_no) for kind in ACCOUNT_KINDS
    }
    vehicle = Vehicles(city.settings.seed, city.population, city.today()).of(person)
    at = city.geography.home(person.household_no)
    return {
        "name": person.name,
        "phone": person.phone,
        "resident_id": person.resident_id,
        "plate": None if vehicle is None else vehicle.plate,
        "household": {
            "household_no": person.household_no,
            "lat": at.lat,
            "lon": at.lon,
            "address_zh": address_zh(city.settings.seed, person.household_no),
        }
        | accounts,
    }


_OF_ANY_CITY = (
    Operation("reset", "POST", "/_control/reset", _reset),
    Operation("people", "GET", "/_control/people", _people),
    Operation("city", "GET", "/_control/city", _city),
    Operation("population", "GET", "/_control/city/population", _population),
    Operation("companies", "GET", "/_control/city/companies", _companies),
    Operation("faults", "GET", "/_control/faults", _faults),
    Operation("clear_faults", "DELETE", "/_control/faults", _clear_faults),
    Operation("take_delays", "POST", "/_control/delays", _delays),
    Operation("callbacks", "GET", "/_control/callbacks", _callbacks),
    Operation("resend", "POST", "/_control/callbacks/{id:int}/resend", _resend),
)
