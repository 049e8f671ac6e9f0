"""The hospitals' FHIR interface: valid resources, honest searches, no slot sold twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.sandbox.fhir_rules import check_resource
from tests.sandbox.serving import Client

FHIR = "/hospitals/h1/fhir"
RESIDENT_ID = "urn:oid:2.16.156.10011.1.3"
OURS = "urn:ours:booking"

Resource = dict[str, Any]


async def search(city: Client, query: str) -> list[Resource]:
    """All pages of a search, each a valid Bundle."""
    found: list[Resource] = []
    url: str | None = f"{FHIR}/{query}"
    while url is not None:
        status, bundle = await city.get(url)
        assert status == 200, bundle
        check_resource(bundle)
        found += [entry["resource"] for entry in bundle.get("entry", [])]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert bundle["total"] == len(found)
    return found


async def free_slots(city: Client, schedule: str = "sch000") -> list[Resource]:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    query = f"Slot?schedule=Schedule/{schedule}&status=free&start=ge{tomorrow}&_count=200"
    return await search(city, query.replace("+", "%2B"))


def appointment(patient: dict[str, Any], slot: Resource, identifier: str | None = None) -> Resource:
    asked: Resource = {
        "resourceType": "Appointment",
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [
            {
                "actor": {
                    "type": "Patient",
                    "identifier": {"system": RESIDENT_ID, "value": patient["resident_id"]},
                    "display": patient["name"],
                },
                "status": "accepted",
            }
        ],
    }
    if identifier is not None:
        asked["identifier"] = [{"system": OURS, "value": identifier}]
    return asked


async def book(city: Client, asked: Resource, **headers: str) -> tuple[int, Resource]:
    return await city.post(f"{FHIR}/Appointment", asked, headers=headers)


async def status_of(city: Client, slot: Resource) -> str:
    return str((await city.get(f"{FHIR}/Slot/{slot['id']}"))[1]["status"])


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("Organization", 1),
        ("HealthcareService", 18),
        ("Practitioner", 48),
        ("PractitionerRole", 48),
        ("Schedule", 54),
    ],
)
async def test_the_directory_is_valid_and_readable_one_by_one(
    city: Client, kind: str, count: int
) -> None:
    found = await search(city, f"{kind}?_count=7")
    assert len({resource["id"] for resource in found}) == count
    for resource in found:
        check_resource(resource)
    assert (await city.get(f"{FHIR}/{kind}/{found[-1]['id']}"))[1] == found[-1]
    status, refused = await city.get(f"{FHIR}/{kind}/nobody")
    assert (status, refused["issue"][0]["code"]) == (404, "not-found")
    check_resource(refused)


async def test_a_patient_finds_the_way_to_a_slot(city: Client) -> None:
    services = await search(city, "HealthcareService")
    service = services[0]
    assert service["extension"] == [
        {"url": "urn:sandbox:fhir:registration-fee-fen", "valueInteger": 1000}
    ]
    roles = await search(city, f"PractitionerRole?service=HealthcareService/{service['id']}")
    assert len(roles) == 4
    assert sorted(role["extension"][0]["valueInteger"] for role in roles) == [
        1000,
        1000,
        3000,
        5000,
    ]
    schedules = await search(city, f"Schedule?actor=PractitionerRole/{roles[0]['id']}")
    assert len(schedules) == 1
    free = await free_slots(city, schedules[0]["id"])
    assert free
    for slot in free:
        check_resource(slot)
        assert slot["status"] == "free"


async def test_slots_keep_working_hours_and_the_bounds(city: Client) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    found: list[Resource] = []
    for ahead in range(7):
        low, high = day + timedelta(days=ahead), day + timedelta(days=ahead + 1)
        slots = await search(city, f"Slot?schedule=sch001&start=ge{low}&start=lt{high}&_count=10")
        assert len(slots) in (0, 32)
        assert {slot["start"][:10] for slot in slots} <= {str(low)}
        found += slots
    assert len(found) == 5 * 32
    hours = {slot["start"][11:] for slot in found}
    assert min(hours) == "08:00:00+08:00" and max(hours) == "17:15:00+08:00"
    assert not any("12:00" <= hour[:5] < "13:30" for hour in hours)
    assert {slot["status"] for slot in found} == {"free", "busy"}
    beyond = (datetime.now(UTC) + timedelta(days=15)).date()
    assert await search(city, f"Slot?schedule=sch001&start=ge{beyond}") == []


async def test_an_appointment_is_booked_read_and_cancelled(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    url = f"{FHIR}/Appointment"
    async with city.http.post(url, json=appointment(patient, slot, "b-1")) as answer:
        booked = await answer.json()
        assert answer.status == 201
    check_resource(booked)
    assert answer.headers["ETag"] == 'W/"1"'
    assert answer.headers["Location"] == f"{city.base}{url}/{booked['id']}"
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
    assert booked["status"] == "booked" and booked["start"] == slot["start"]
    assert await status_of(city, slot) == "busy"
    assert (await city.get(f"{url}/{booked['id']}"))[1] == booked
    assert await search(city, f"Appointment?identifier={OURS}|b-1") == [booked]

    cancelled = booked | {"status": "cancelled", "cancelationReason": {"text": "不去了"}}
    path = f"{url}/{booked['id']}"
    assert (await city.put(path, cancelled))[0] == 428
    assert (await city.put(path, cancelled, headers={"If-Match": 'W/"2"'}))[0] == 412
    assert await status_of(city, slot) == "busy"
    status, told = await city.put(path, cancelled, headers={"If-Match": 'W/"1"'})
    check_resource(told)
    assert (status, told["status"], told["meta"]["versionId"]) == (200, "cancelled", "2")
    assert told["cancelationReason"] == {"text": "不去了"}
    assert await status_of(city, slot) == "free"
    status, again = await city.put(path, cancelled, headers={"If-Match": 'W/"2"'})
    assert (status, again) == (200, told)
    assert (await book(city, appointment(patient, slot, "b-2")))[0] == 201


async def test_a_taken_slot_is_refused(city: Client) -> None:
    slot = (await free_slots(city))[0]
    first, second = await city.person("citizen"), await city.person("parent")
    assert (await book(city, appointment(first, slot, "b-1")))[0] == 201
    status, refused = await book(city, appointment(second, slot, "b-2"))
    assert (status, refused["issue"][0]["code"]) == (409, "duplicate")
    check_resource(refused)
    assert await search(city, f"Appointment?identifier={OURS}|b-2") == []


async def test_many_at_once_one_gets_the_slot(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    answers = await asyncio.gather(
        *(book(city, appointment(patient, slot, f"b-{n}")) for n in range(30))
    )
    assert sorted(status for status, _ in answers) == [201] + [409] * 29


async def test_a_repeated_conditional_create_is_one_appointment(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    asked = appointment(patient, slot, "b-1")
    condition = {"If-None-Exist": f"identifier={OURS}|b-1"}
    answers = await asyncio.gather(*(book(city, asked, **condition) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [200] * 9 + [201]
    assert len({told["id"] for _, told in answers}) == 1


async def test_a_lost_reply_is_found_by_repeating(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    asked = appointment(patient, slot, "b-1")
    fault = {"operation": "create_appointment", "lose_reply_rate": 1}
    await city.put("/_control/faults/hospital_h1", fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await book(city, asked)
    await city.call("DELETE", "/_control/faults/hospital_h1")
    status, told = await book(city, asked, **{"If-None-Exist": f"identifier={OURS}|b-1"})
    assert (status, told["slot"]) == (200, asked["slot"])


async def test_conditions_that_do_not_fit_are_refused(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    asked = appointment(patient, slot, "b-1")
    for condition in (f"identifier={OURS}|other", "identifier=", "status=booked"):
        status, _ = await book(city, asked, **{"If-None-Exist": condition})
        assert status == 400
    assert await status_of(city, slot) == "free"
    assert (await book(city, asked))[0] == 201
    other = appointment(patient, (await free_slots(city))[0], "b-1")
    assert (await book(city, other))[0] == 409


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"status": "dancing"}, 400),
        ({"status": "cancelled"}, 422),
        ({"slot": []}, 422),
        ({"slot": [{"reference": "Slot/sch000-20200101-0800"}]}, 422),
        ({"slot": [{"reference": "Slot/sch999-20300101-0800"}]}, 422),
        ({"slot": [{"reference": "Slot/a"}, {"reference": "Slot/b"}]}, 422),
        ({"participant": []}, 422),
        ({"participant": [{"actor": {"display": "谁"}, "status": "accepted"}]}, 422),
        ({"start": "2030-01-01T08:00:00+08:00"}, 422),
        ({"participant": [{"actor": {"display": "谁"}, "status": "maybe"}]}, 400),
        ({"start": "tomorrow"}, 400),
        ({"colour": "red"}, 400),
    ],
)
async def test_a_wrong_appointment_books_nothing(
    city: Client, changed: Resource, status: int
) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    told, refused = await book(city, appointment(patient, slot, "b-1") | changed)
    assert told == status, refused
    check_resource(refused)
    assert await status_of(city, slot) == "free"


async def test_a_false_resident_id_books_nothing(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    wrong = patient | {"resident_id": patient["resident_id"][:-1] + "5"}
    assert (await book(city, appointment(wrong, slot)))[0] == 422
    assert await status_of(city, slot) == "free"


@pytest.mark.parametrize(
    "query",
    [
        "Slot",
        "Slot?schedule=sch000&colour=red",
        "Slot?schedule=sch000&start=soon",
        "Slot?schedule=sch000&start=ap2026-01-01",
        "Slot?schedule=Practitioner/p000",
        "Slot?schedule=sch000&_count=x",
        "Schedule?actor=sch000",
        "Appointment",
        "Appointment?identifier=a|",
    ],
)
async def test_a_search_that_cannot_be_kept_is_refused(city: Client, query: str) -> None:
    status, refused = await city.get(f"{FHIR}/{query}")
    assert status == 400
    check_resource(refused)


async def test_the_hospital_records_what_became_of_it(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    _, booked = await book(city, appointment(patient, slot))
    path = f"/_control/hospitals/h1/appointments/{booked['id']}/outcome"
    status, told = await city.post(path, {"status": "noshow"})
    assert (status, told["status"]) == (200, "noshow")
    check_resource(told)
    cancelled = told | {"status": "cancelled"}
    headers = {"If-Match": 'W/"2"'}
    assert (await city.put(f"{FHIR}/Appointment/{booked['id']}", cancelled, headers=headers))[
        0
    ] == 422


async def test_the_hospital_moves_an_appointment(city: Client) -> None:
    patient, (slot, other, *_) = await city.person("citizen"), await free_slots(city)
    _, booked = await book(city, appointment(patient, slot))
    path = f"/_control/hospitals/h1/appointments/{booked['id']}/reschedule"
    status, told = await city.post(path, {"slot_id": other["id"]})
    assert (status, told["start"], told["end"]) == (200, other["start"], other["end"])
    assert told["slot"] == [{"reference": f"Slot/{other['id']}"}]
    assert told["meta"]["versionId"] == "2"
    check_resource(told)
    assert (await city.post(path, {"slot_id": other["id"]}))[0] == 409
    assert (await book(city, appointment(patient, other)))[0] == 409
    assert slot["id"] in {one["id"] for one in await free_slots(city)}


async def test_somebody_else_takes_a_slot(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    assert (await city.post(f"/_control/hospitals/h1/slots/{slot['id']}/take"))[0] == 201
    assert (await book(city, appointment(patient, slot)))[0] == 409


async def test_hospitals_are_apart_and_fail_apart_or_together(city: Client) -> None:
    patient, slot = await city.person("citizen"), (await free_slots(city))[0]
    _, booked = await book(city, appointment(patient, slot))
    assert (await city.get(f"/hospitals/h2/fhir/Appointment/{booked['id']}"))[0] == 404
    await city.put("/_control/faults/hospital_h1", {"error_rate": 1})
    assert (await city.get(f"{FHIR}/Organization"))[0] == 503
    assert (await city.get("/hospitals/h2/fhir/Organization"))[0] == 200
    await city.put("/_control/faults/hospital", {"error_rate": 1})
    assert (await city.get("/hospitals/h5/fhir/Organization"))[0] == 503
