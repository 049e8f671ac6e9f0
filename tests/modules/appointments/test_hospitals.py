"""One contract for the hospitals, kept by the FHIR client at the sandbox and by the fake."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from core.clock import ManualClock
from core.deadline import Deadline
from core.http import HttpClient, UpstreamFailed, UpstreamRejected
from core.ids import new_id
from core.metrics import Metrics
from core.people import Person
from core.privacy import Access
from modules.appointments.hospitals.fhir import FhirHospitals
from modules.appointments.hospitals.upstream import Hospitals, HospitalSlot, SlotTaken
from tests.modules.appointments.fake_hospitals import FakeHospitals
from tests.modules.appointments.people import resident_id
from tests.sandbox.serving import free_port, sandbox_process


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The address of a running sandbox city."""
    port = free_port()
    with sandbox_process(port):
        yield f"http://127.0.0.1:{port}"


class _Wiring:
    """As much of an App as the client takes at its start."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http


@pytest.fixture(params=["fake", "sandbox"])
async def hospitals(request: pytest.FixtureRequest) -> AsyncIterator[Hospitals]:
    """Each keeper of the contract."""
    if request.param == "fake":
        yield FakeHospitals(ManualClock(datetime.now(UTC)))
        return
    address: str = request.getfixturevalue("sandbox")
    async with aiohttp.ClientSession() as session, session.post(f"{address}/_control/reset") as r:
        assert r.status == 204
    async with HttpClient(Metrics()) as http:
        wiring: Any = _Wiring(http)
        yield FhirHospitals(wiring, f"{address}/hospitals")


def soon() -> Deadline:
    return Deadline.after(5)


def access(number: int = 1) -> Access:
    person = Person(new_id(), "19900010001", "甄示范", resident_id(number), 2, "zh")
    return Access(person, "appointments.hospital-registration", new_id(), new_id())


async def offered(hospitals: Hospitals) -> list[HospitalSlot]:
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
    assert doctors and all(d.fee_fen > 0 and d.name and d.title.en for d in doctors)
    for doctor in doctors:
        assert doctor.department.ref == departments[0].ref
        again = await hospitals.find_doctor("h1", doctor.schedule_ref, soon())
        assert again == doctor
    assert await hospitals.find_doctor("h1", "no-such", soon()) is None
    assert await hospitals.list_doctors("h1", "no-such", soon()) == []


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
    assert slot.ref not in [s.ref for s in await offered(hospitals)]
    found = await hospitals.find_slot("h1", slot.ref, soon())
    assert found is not None and not found.free


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


async def test_a_patient_that_the_hospital_refuses(sandbox: str) -> None:
    async with HttpClient(Metrics()) as http:
        wiring: Any = _Wiring(http)
        client = FhirHospitals(wiring, f"{sandbox}/hospitals")
        slot = (await offered(client))[0]
        nobody = Person(new_id(), "19900010001", "甄示范", "123456789012345678", 2, "zh")
        stranger = Access(nobody, "p", new_id(), new_id())
        with pytest.raises(UpstreamRejected) as refused:
            await client.book(stranger, "h1", slot.ref, new_id(), soon())
        assert refused.value.status == 422 and refused.value.outcome_known


async def test_garbage_with_status_200_is_a_failure(sandbox: str) -> None:
    fault = {"garbage": True}
    async with aiohttp.ClientSession() as session, HttpClient(Metrics()) as http:
        async with session.put(f"{sandbox}/_control/faults/hospital", json=fault) as answer:
            assert answer.status in (200, 204)
        wiring: Any = _Wiring(http)
        client = FhirHospitals(wiring, f"{sandbox}/hospitals")
        try:
            with pytest.raises(UpstreamFailed):
                await client.get_hospital("h1", soon())
        finally:
            await session.delete(f"{sandbox}/_control/faults")
