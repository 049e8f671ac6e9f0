"""Hospitals that answer as FHIR allows, not as ours do: lenient searches, copies, no decision."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.deadline import Deadline
from core.ids import new_id
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamFailed
from modules.health.hospitals.appointments import BOOKING_SYSTEM
from modules.health.hospitals.fhir import FEE_EXTENSION, FhirHospitals
from modules.health.vaccination.fhir import FhirImmunisation
from tests.modules.health.hospitals.test_hospitals import access, soon

FHIR = "application/fhir+json"
OUTCOME = {
    "search": {"mode": "outcome"},
    "resource": {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "not-supported"}],
    },
}
"""What a lenient server says of a parameter that it has read over
(https://hl7.org/fhir/R4/search.html#errors)."""


class Hospital:
    """A server with some Appointments that answers every search with all of them."""

    def __init__(self) -> None:
        self.appointments: dict[str, dict[str, Any]] = {}
        self.next_status = "booked"
        self.changed: list[str] = []
        self.fee: list[dict[str, Any]] = []
        """The extensions of its only doctor."""
        self.criteria: dict[str, str] = {}

    def add(self, number: str, status: str) -> str:
        """An Appointment under a number; its id."""
        id_ = f"a{len(self.appointments)}"
        self.appointments[id_] = {
            "resourceType": "Appointment",
            "id": id_,
            "meta": {"versionId": "1"},
            "status": status,
            "identifier": [{"system": BOOKING_SYSTEM, "value": number}],
            "participant": [{"actor": {"display": "甄示范"}, "status": "accepted"}],
        }
        return id_

    async def search(self, _request: web.Request) -> web.Response:
        entries = [{"resource": one} for one in self.appointments.values()]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [OUTCOME, *entries]}
        return web.json_response(bundle, content_type=FHIR)

    async def create(self, request: web.Request) -> web.Response:
        """A conditional create by a condition that was read over: the first one of all matches."""
        if not self.appointments:
            sent = await request.json()
            self.add(sent["identifier"][0]["value"], self.next_status)
        first = next(iter(self.appointments.values()))
        return web.json_response(first, content_type=FHIR)

    async def read(self, request: web.Request) -> web.Response:
        return web.json_response(self.appointments[request.match_info["id"]], content_type=FHIR)

    async def search_registry(self, request: web.Request) -> web.Response:
        """A registry of immunisation that recommends one dose."""
        dose = {
            "vaccineCode": [{"coding": [{"code": "DT"}], "text": "白破疫苗"}],
            "forecastStatus": {"coding": [{"code": "due"}]},
            "doseNumberPositiveInt": 1,
            "dateCriterion": [
                {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "value": day}
                for code, day in self.criteria.items()
            ],
        }
        told = {
            "resourceType": "ImmunizationRecommendation",
            "id": "i1",
            "patient": {"display": "贾小例"},
            "date": "2026-11-01",
            "recommendation": [dose],
        }
        found = [{"resource": told}] if request.match_info["type"] == told["resourceType"] else []
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": found}
        return web.json_response(bundle, content_type=FHIR)

    async def read_schedule(self, _request: web.Request) -> web.Response:
        actor = [{"reference": "PractitionerRole/r1"}]
        told = {"resourceType": "Schedule", "id": "s1", "actor": actor}
        return web.json_response(told, content_type=FHIR)

    async def read_role(self, _request: web.Request) -> web.Response:
        told = {
            "resourceType": "PractitionerRole",
            "id": "r1",
            "practitioner": {"display": "贾样例"},
            "healthcareService": [{"reference": "HealthcareService/d1", "display": "内科"}],
        } | ({"extension": self.fee} if self.fee else {})
        return web.json_response(told, content_type=FHIR)

    async def update(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        self.changed.append(id_)
        self.appointments[id_] = await request.json()
        return await self.read(request)


@pytest.fixture
def hospital() -> Hospital:
    return Hospital()


@pytest.fixture
async def client(hospital: Hospital) -> AsyncIterator[FhirHospitals]:
    """Our client at that hospital."""
    app = web.Application()
    app.router.add_get("/h1/fhir/Appointment", hospital.search)
    app.router.add_post("/h1/fhir/Appointment", hospital.create)
    app.router.add_get("/h1/fhir/Appointment/{id}", hospital.read)
    app.router.add_put("/h1/fhir/Appointment/{id}", hospital.update)
    app.router.add_get("/h1/fhir/Schedule/{id}", hospital.read_schedule)
    app.router.add_get("/h1/fhir/PractitionerRole/{id}", hospital.read_role)
    app.router.add_post("/fhir/{type}/_search", hospital.search_registry)
    async with TestServer(app) as server, HttpClient(Metrics()) as http:
        http.rules.protect("hospitals", ["book"])
        wiring: Any = type("Wiring", (), {"http": http})
        yield FhirHospitals(wiring, str(server.make_url("")).rstrip("/"))


async def test_another_s_appointment_is_never_taken_for_ours(
    hospital: Hospital, client: FhirHospitals
) -> None:
    ours = new_id()
    hospital.add(str(new_id()), "booked")
    assert await client.find_booking("h1", ours, soon()) is None
    with pytest.raises(UpstreamFailed, match="another's"):
        await client.book(access(), "h1", "slot-1", ours, soon())
    own = hospital.add(str(ours), "booked")
    found = await client.find_booking("h1", ours, soon())
    assert found is not None and (found.ref, found.live) == (own, True)
    await client.cancel("h1", ours, found, soon())
    assert hospital.changed == [own]


async def test_of_several_copies_the_one_that_stands_is_ours(
    hospital: Hospital, client: FhirHospitals
) -> None:
    """A copy that a lost reply has left behind is given back too, one look after the other."""
    ours = new_id()
    hospital.add(str(ours), "cancelled")
    copies = {hospital.add(str(ours), "booked") for _ in range(2)}
    while (found := await client.find_booking("h1", ours, soon())) and found.live:
        await client.cancel("h1", ours, found, soon())
    assert set(hospital.changed) == copies


async def test_what_has_changed_is_read_beside_the_word_on_the_search(
    hospital: Hospital, client: FhirHospitals, clock: Any
) -> None:
    ours = new_id()
    hospital.add(str(ours), "booked")
    hospital.add("not a number of ours", "booked")
    assert await client.list_changed("h1", clock.now(), soon()) == [ours]


@pytest.mark.parametrize("status", ["proposed", "pending", "waitlist"])
async def test_what_a_hospital_has_not_decided_is_no_appointment_yet(
    hospital: Hospital, client: FhirHospitals, status: str
) -> None:
    ours: UUID = new_id()
    hospital.next_status = status
    with pytest.raises(UpstreamFailed, match="not decided"):
        await client.book(access(), "h1", "slot-1", ours, Deadline.after(5))
    found = await client.find_booking("h1", ours, soon())
    assert found is not None and found.live, "it can be given back"
    hospital.appointments["a0"]["status"] = "booked"
    placed = await client.book(access(), "h1", "slot-1", ours, soon())
    assert (placed.ref, placed.live) == ("a0", True)


@pytest.mark.parametrize(
    ("fee", "fen"),
    [
        ([], None),
        ([{"url": "urn:other:fee", "valueInteger": 5000}], None),
        ([{"url": f"urn:sandbox:{FEE_EXTENSION}", "valueString": "50"}], None),
        ([{"url": f"urn:sandbox:{FEE_EXTENSION}", "valueInteger": -1}], None),
        ([{"url": f"urn:sandbox:{FEE_EXTENSION}", "valueInteger": 0}], 0),
        ([{"url": f"urn:sandbox:{FEE_EXTENSION}", "valueInteger": 5000}], 5000),
    ],
)
async def test_a_fee_that_is_not_told_is_not_known(
    hospital: Hospital, client: FhirHospitals, fee: list[dict[str, Any]], fen: int | None
) -> None:
    hospital.fee = fee
    doctor = await client.find_doctor("h1", "s1", soon())
    assert doctor is not None and doctor.fee_fen == fen


async def test_an_appointment_without_time_and_slot_says_nothing_of_them(
    hospital: Hospital, client: FhirHospitals
) -> None:
    ours = new_id()
    own = hospital.add(str(ours), "booked")
    found = await client.find_booking("h1", ours, soon())
    assert found is not None
    assert (found.slot_ref, found.starts_at, found.ends_at) == (None, None, None)
    start, end = "2026-12-01T09:00:00+08:00", "2026-12-01T09:15:00+08:00"
    hospital.appointments[own] |= {
        "start": start, "end": end, "slot": [{"reference": "Slot/s7"}],
    }  # fmt: skip
    found = await client.find_booking("h1", ours, soon())
    assert found is not None and found.slot_ref == "s7"
    assert found.starts_at == datetime.fromisoformat(start).astimezone(UTC)
    assert found.ends_at == datetime.fromisoformat(end).astimezone(UTC)


@pytest.mark.parametrize("due", [None, "2026-12-24"])
async def test_a_day_that_a_registry_does_not_tell_is_not_another_one(
    hospital: Hospital, client: FhirHospitals, due: str | None
) -> None:
    hospital.criteria = {"30981-5": "2026-11-24"} | ({"30980-7": due} if due else {})
    registry = FhirImmunisation.__new__(FhirImmunisation)
    registry._upstream = client._upstream
    record = await registry.read_record(access(), soon())
    (dose,) = record.due
    assert dose.earliest_on == date(2026, 11, 24)
    assert dose.due_on == (date.fromisoformat(due) if due else None)
