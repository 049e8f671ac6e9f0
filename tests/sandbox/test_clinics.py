"""Examinations, follow-up visits and vaccination: booked like a doctor, with what to prepare."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sandbox.systems.immunisation.programme import PROGRAMME, months_later
from tests.sandbox.fhir_rules import check_resource
from tests.sandbox.serving import Client

Resource = dict[str, Any]
HOSPITAL, CLINIC = "/hospitals/h1/fhir", "/immunisation/clinics/v1/fhir"
RECORDS = "/immunisation/fhir"
NUMBERS = "urn:oid:2.16.156.10011.1.3"


async def search(city: Client, root: str, query: str) -> list[Resource]:
    status, found = await city.get(f"{root}/{query}")
    assert status == 200, found
    check_resource(found)
    return [entry["resource"] for entry in found.get("entry", [])]


async def book(city: Client, root: str, schedule_id: str, person: str) -> Any:
    first = datetime.now(UTC).date() + timedelta(days=2)
    query = f"Slot?schedule=Schedule/{schedule_id}&status=free&start=ge{first}&_count=1"
    (slot,) = await search(city, root, query)
    number = (await city.person(person))["resident_id"]
    appointment = {
        "resourceType": "Appointment",
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "participant": [
            {"actor": {"identifier": {"system": NUMBERS, "value": number}}, "status": "accepted"}
        ],
    }
    return await city.post(f"{root}/Appointment", appointment)


async def test_services_are_found_by_category(city: Client) -> None:
    for category, count in (("outpatient", 12), ("examination", 5), ("follow-up", 1)):
        query = f"HealthcareService?service-category={category}"
        assert len(await search(city, HOSPITAL, query)) == count
    both = "HealthcareService?service-category=examination,follow-up"
    for service in await search(city, HOSPITAL, both):
        check_resource(service)
        assert service["extraDetails"] and service["_extraDetails"]["extension"]
    assert await search(city, HOSPITAL, "HealthcareService?service-category=parking") == []


@pytest.mark.parametrize("root", [HOSPITAL, CLINIC])
async def test_a_room_is_booked_by_its_own_calendar(city: Client, root: str) -> None:
    service = (await city.get(f"{root}/HealthcareService/x00"))[1]
    check_resource(service)
    query = f"Schedule?actor=HealthcareService/{service['id']}"
    (schedule,) = await search(city, root, query)
    check_resource(schedule)
    assert [actor["reference"] for actor in schedule["actor"]] == ["HealthcareService/x00"]
    status, booked = await book(city, root, schedule["id"], "child")
    assert status == 201
    check_resource(booked)
    fee = service["extension"][0]["valueInteger"]
    assert booked["extension"][0]["valueInteger"] == fee
    slot = (await city.get(f"{root}/{booked['slot'][0]['reference']}"))[1]
    assert slot["status"] == "busy"


async def test_a_clinic_has_no_doctors_to_choose(city: Client) -> None:
    assert await search(city, CLINIC, "PractitionerRole") == []
    assert (await city.get(f"{CLINIC}/Practitioner/p000"))[0] == 404
    assert [o["id"] for o in await search(city, CLINIC, "Organization")] == ["v1"]
    assert {
        s["category"][0]["coding"][0]["code"]
        for s in await search(city, CLINIC, "HealthcareService")
    } == {"vaccination"}


async def records(city: Client, kind: str, key: str) -> list[Resource]:
    number = (await city.person(key))["resident_id"]
    return await search(city, RECORDS, f"{kind}?patient.identifier={NUMBERS}|{number}&_count=100")


async def test_a_record_tells_every_dose(city: Client) -> None:
    doses = await records(city, "Immunization", "child")
    for dose in doses:
        check_resource(dose)
        assert date.fromisoformat(dose["occurrenceDateTime"]) <= datetime.now(UTC).date()
    total = sum(len(vaccine.due_months) for vaccine in PROGRAMME)
    assert len(doses) == total - 2
    assert len({dose["id"] for dose in doses}) == len(doses)


async def test_what_was_missed_is_recommended_until_it_is_given(city: Client) -> None:
    (advice,) = await records(city, "ImmunizationRecommendation", "child")
    check_resource(advice)
    missed = {
        entry["vaccineCode"][0]["coding"][0]["code"]: entry for entry in advice["recommendation"]
    }
    assert set(missed) == {"DT", "MPSV-AC"}
    statuses = {e["forecastStatus"]["coding"][0]["code"] for e in missed.values()}
    assert statuses == {"overdue"} and missed["MPSV-AC"]["doseNumberPositiveInt"] == 2
    number = (await city.person("child"))["resident_id"]
    dose = {"resident_id": number, "vaccine_code": "DT", "dose_number": 1}
    status, given = await city.post("/_control/immunisation/doses", dose)
    assert status == 201
    check_resource(given)
    assert (await city.post("/_control/immunisation/doses", dose))[0] == 409
    assert given["id"] in {one["id"] for one in await records(city, "Immunization", "child")}
    (advice,) = await records(city, "ImmunizationRecommendation", "child")
    assert len(advice["recommendation"]) == 1


async def test_nothing_is_known_of_the_old(city: Client) -> None:
    assert await records(city, "Immunization", "elder") == []
    assert await records(city, "ImmunizationRecommendation", "elder") == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?patient.identifier=urn:x|1", 400),
        (f"?patient.identifier={NUMBERS}|50009919880517001X", 400),
        ("?patient=1", 400),
        (f"?patient.identifier={NUMBERS}|110099199003070011", 404),
    ],
)
async def test_a_wrong_patient_is_refused(city: Client, query: str, status: int) -> None:
    code, refused = await city.get(f"{RECORDS}/Immunization{query}")
    check_resource(refused)
    assert (code, refused["resourceType"]) == (status, "OperationOutcome")


def test_months_end_within_the_month() -> None:
    assert months_later(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert months_later(date(2023, 12, 31), 2) == date(2024, 2, 29)
    assert months_later(date(2024, 11, 30), 1) == date(2024, 12, 30)
    assert months_later(date(2024, 5, 5), 0) == date(2024, 5, 5)
