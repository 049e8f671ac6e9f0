"""One contract for the hospitals, kept by the FHIR client at the sandbox and by the fake."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from core.clock import ManualClock, civil_date
from core.deadline import Deadline
from core.ids import new_id, resident_id_check_digit
from core.people.directory import Person
from core.people.personal_read import Access
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Unlicensed, UpstreamFailed, UpstreamRejected
from kinds.booking.sources import ExternalSlot, SlotTaken
from modules.health.hospitals.fhir import FhirHospitals
from modules.health.hospitals.upstream import Hospitals, RoomKind
from modules.health.vaccination.domain import VaccinationRecord
from modules.health.vaccination.fhir import FhirImmunisation
from modules.health.vaccination.upstream import Immunisation
from tests.kinds.booking.people import resident_id
from tests.modules.health.hospitals.fake_hospitals import due, given, make_clinics, make_hospitals
from tests.sandbox.serving import Client as Sandbox

CHILD = "50009920170608003" + resident_id_check_digit("50009920170608003")
"""The demo child of the sandbox, who missed two doses."""


class _Wiring:
    """As much of an App as the client takes at its start."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http


@pytest.fixture(params=["fake", "sandbox"])
async def hospitals(request: pytest.FixtureRequest) -> AsyncIterator[Hospitals]:
    """Each keeper of the contract."""
    if request.param == "fake":
        yield make_hospitals(ManualClock(datetime.now(UTC)))
        return
    address = f"http://127.0.0.1:{request.getfixturevalue('sandbox_port')}"
    await _reset(address)
    async with HttpClient(Metrics()) as http:
        http.rules.protect("hospitals", ["book"])
        wiring: Any = _Wiring(http)
        yield FhirHospitals(wiring, f"{address}/hospitals")


@pytest.fixture(params=["fake", "sandbox"])
async def clinics(request: pytest.FixtureRequest) -> AsyncIterator[Immunisation]:
    """Each keeper of the contract of the registry and its clinics."""
    if request.param == "fake":
        fake = make_clinics(ManualClock(datetime.now(UTC)))
        today = civil_date(datetime.now(UTC))
        fake.records[CHILD] = VaccinationRecord(
            [given("DTaP", 1, date(2017, 9, 10))], [due("DT", 1, today - timedelta(days=90))]
        )
        yield fake
        return
    address = f"http://127.0.0.1:{request.getfixturevalue('sandbox_port')}"
    await _reset(address)
    async with HttpClient(Metrics()) as http:
        http.rules.protect("immunisation", ["book", "immunizations", "recommendations"])
        wiring: Any = _Wiring(http)
        yield FhirImmunisation(wiring, f"{address}/immunisation")


async def _reset(address: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{address}/_control/reset") as r:
        assert r.status == 204


def soon() -> Deadline:
    return Deadline.after(5)


def access(number: int = 1, *, upstream: str = "hospitals", resident: str = "") -> Access:
    number_of = resident or resident_id(number)
    person = Person(new_id(), "19900010001", "甄示范", number_of, 2, "zh")
    return Access(person, "appointments.test", new_id(), new_id(), upstream)


async def offered(hospitals: Hospitals) -> list[ExternalSlot]:
    (department, *_) = await hospitals.list_departments("h1", soon())
    (doctor, *_) = await hospitals.list_doctors("h1", department.ref, soon())
    begins_at = datetime.now(UTC) + timedelta(days=2)
    return list(
        await hospitals.list_slots(
            "h1", doctor.schedule_ref, begins_at, begins_at + timedelta(days=7), soon()
        )
    )


async def test_the_directory(hospitals: Hospitals) -> None:
    hospital = await hospitals.get_hospital("h1", soon())
    assert hospital.name.zh and hospital.name.en != hospital.name.zh and hospital.grade
    departments = await hospitals.list_departments("h1", soon())
    doctors = await hospitals.list_doctors("h1", departments[0].ref, soon())
    assert any(d.fee_fen > 0 for d in doctors)
    assert all(d.fee_fen >= 0 and d.name and d.title.en for d in doctors)
    for doctor in doctors:
        assert doctor.department.ref == departments[0].ref
        again = await hospitals.find_doctor("h1", doctor.schedule_ref, soon())
        assert again == doctor
    assert await hospitals.find_doctor("h1", "no-such", soon()) is None
    assert await hospitals.list_doctors("h1", "no-such", soon()) == []


async def test_rooms_are_no_departments_and_tell_how_to_prepare(hospitals: Hospitals) -> None:
    kinds = [RoomKind.EXAMINATION, RoomKind.FOLLOW_UP]
    rooms = await hospitals.list_rooms("h1", kinds, soon())
    assert {room.kind for room in rooms} == set(kinds)
    only = await hospitals.list_rooms("h1", [RoomKind.FOLLOW_UP], soon())
    assert {room.kind for room in only} == {RoomKind.FOLLOW_UP}
    assert any(r.preparation.zh and r.preparation.en != r.preparation.zh for r in rooms)
    departments = await hospitals.list_departments("h1", soon())
    assert not {room.ref for room in rooms} & {department.ref for department in departments}
    for room in rooms:
        assert await hospitals.find_room("h1", room.schedule_ref, soon()) == room
        assert await hospitals.find_doctor("h1", room.schedule_ref, soon()) is None
    (doctor, *_) = await hospitals.list_doctors("h1", departments[0].ref, soon())
    for schedule_ref in (doctor.schedule_ref, "no-such"):
        assert await hospitals.find_room("h1", schedule_ref, soon()) is None
    begins_at = datetime.now(UTC) + timedelta(days=2)
    slots = await hospitals.list_slots(
        "h1", rooms[0].schedule_ref, begins_at, begins_at + timedelta(days=7), soon()
    )
    placed = await hospitals.book(access(), "h1", slots[0].ref, new_id(), soon())
    assert placed.live


async def test_the_registry_and_its_clinics(clinics: Immunisation) -> None:
    child = access(upstream="immunisation", resident=CHILD)
    record = await clinics.read_record(child, soon())
    today = civil_date(datetime.now(UTC))
    assert record.given and all(one.given_on < today and one.lot_no for one in record.given)
    assert ("DT", 1) in [(one.dose.vaccine_code, one.dose.number) for one in record.due]
    assert all(one.due_on and one.earliest_on <= one.due_on for one in record.due)
    assert all(one.dose.vaccine.en != one.dose.vaccine.zh for one in (*record.given, *record.due))
    stranger = await clinics.read_record(access(upstream="immunisation"), soon())
    assert (list(stranger.given), list(stranger.due)) == ([], [])
    rooms = await clinics.list_rooms("v1", [RoomKind.VACCINATION], soon())
    assert rooms and all(room.preparation.zh for room in rooms)
    begins_at = datetime.now(UTC) + timedelta(days=2)
    slots = await clinics.list_slots(
        "v1", rooms[0].schedule_ref, begins_at, begins_at + timedelta(days=7), soon()
    )
    placed = await clinics.book(child, "v1", slots[0].ref, new_id(), soon())
    assert placed.live


async def test_no_record_without_an_access_for_the_registry(sandbox: Sandbox) -> None:
    async with HttpClient(Metrics()) as http:
        http.rules.protect("immunisation", ["book", "immunizations", "recommendations"])
        wiring: Any = _Wiring(http)
        client = FhirImmunisation(wiring, f"{sandbox.base}/immunisation")
        with pytest.raises(Unlicensed):
            await client.read_record(access(upstream="hospitals", resident=CHILD), soon())
        with pytest.raises(Unlicensed):
            await client.book(access(), "v1", "sch000-20261201-0800", new_id(), soon())


async def test_free_slots_in_order_and_within_the_bounds(hospitals: Hospitals) -> None:
    slots = await offered(hospitals)
    assert len(slots) > 8
    assert slots == sorted(slots, key=lambda slot: slot.starts_at)
    begins_at, ends_at = slots[2].starts_at, slots[5].starts_at
    within = await hospitals.list_slots("h1", slots[0].schedule_ref, begins_at, ends_at, soon())
    assert list(within) == slots[2:5]
    assert all(s.free and s.starts_at.tzinfo is not None for s in slots)
    assert await hospitals.find_slot("h1", slots[0].ref, soon()) == slots[0]
    for unknown in ("no-such", "../Organization/h1", "..", "a b", ""):
        assert await hospitals.find_slot("h1", unknown, soon()) is None


async def test_booking_is_repeat_safe_and_found_again(hospitals: Hospitals) -> None:
    slot, booking_id = (await offered(hospitals))[0], new_id()
    assert await hospitals.find_booking("h1", booking_id, soon()) is None
    placed = await hospitals.book(access(), "h1", slot.ref, booking_id, soon())
    assert placed.live
    assert await hospitals.book(access(), "h1", slot.ref, booking_id, soon()) == placed
    assert await hospitals.find_booking("h1", booking_id, soon()) == placed
    assert placed.slot_ref == slot.ref
    assert (placed.starts_at, placed.ends_at) == (slot.starts_at, slot.ends_at)
    assert slot.ref not in [s.ref for s in await offered(hospitals)]
    found = await hospitals.find_slot("h1", slot.ref, soon())
    assert found is not None and not found.free


async def test_what_has_changed_is_found_by_its_moment(hospitals: Hospitals) -> None:
    slot, booking_id, before = (await offered(hospitals))[0], new_id(), datetime.now(UTC)
    await hospitals.book(access(), "h1", slot.ref, booking_id, soon())
    assert await hospitals.list_changed("h1", before - timedelta(minutes=1), soon()) == [booking_id]
    assert await hospitals.list_changed("h2", before - timedelta(minutes=1), soon()) == []
    assert await hospitals.list_changed("h1", before + timedelta(hours=1), soon()) == []


async def test_a_taken_slot(hospitals: Hospitals) -> None:
    slot = (await offered(hospitals))[0]
    outcomes = await asyncio.gather(
        *(hospitals.book(access(n), "h1", slot.ref, new_id(), soon()) for n in range(1, 9)),
        return_exceptions=True,
    )
    assert sum(isinstance(o, SlotTaken) for o in outcomes) == 7


async def test_cancelling_frees_the_slot_and_is_repeat_safe(hospitals: Hospitals) -> None:
    slot, booking_id = (await offered(hospitals))[0], new_id()
    placed = await hospitals.book(access(), "h1", slot.ref, booking_id, soon())
    ended = await hospitals.cancel("h1", booking_id, placed, soon())
    assert not ended.live
    again = await hospitals.cancel("h1", booking_id, placed, soon())
    assert not again.live
    found = await hospitals.find_booking("h1", booking_id, soon())
    assert found is not None and not found.live
    other = await hospitals.book(access(2), "h1", slot.ref, new_id(), soon())
    assert other.live


async def test_a_patient_that_the_hospital_refuses(sandbox: Sandbox) -> None:
    async with HttpClient(Metrics()) as http:
        wiring: Any = _Wiring(http)
        client = FhirHospitals(wiring, f"{sandbox.base}/hospitals")
        slot = (await offered(client))[0]
        nobody = Person(new_id(), "19900010001", "甄示范", "123456789012345678", 2, "zh")
        stranger = Access(nobody, "p", new_id(), new_id())
        with pytest.raises(UpstreamRejected) as refused:
            await client.book(stranger, "h1", slot.ref, new_id(), soon())
        assert refused.value.status == 422 and refused.value.outcome_known


async def test_garbage_with_status_200_is_a_failure(sandbox: Sandbox) -> None:
    fault = {"garbage": True}
    async with aiohttp.ClientSession() as session, HttpClient(Metrics()) as http:
        async with session.put(f"{sandbox.base}/_control/faults/hospital", json=fault) as answer:
            assert answer.status in (200, 204)
        wiring: Any = _Wiring(http)
        client = FhirHospitals(wiring, f"{sandbox.base}/hospitals")
        try:
            with pytest.raises(UpstreamFailed):
                await client.get_hospital("h1", soon())
        finally:
            await session.delete(f"{sandbox.base}/_control/faults")
