"""Appointments through the schema: whole operations, as an app sends them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.catalogue import ServiceStatus
from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.ids import new_id
from core.people.mandates import act_for
from core.security.authorization import Role
from kinds.booking import publishing
from kinds.booking.policy import rules_of
from modules.health.registration.numbers import PATIENT
from modules.health.vaccination.domain import VaccinationRecord
from modules.health.vaccination.service import RECORD, VACCINEE
from tests.asgi import Client
from tests.kinds.booking.engine import MakeCall, count, offer, people
from tests.kinds.booking.people import citizen, consent, fresh, guardian_of, resident_id
from tests.kinds.booking.till import Till
from tests.modules.health.hospitals.fake_hospitals import FakeHospitals, due, given

Run = Callable[..., Any]

HOLD = """
mutation ($slot: ID!, $item: ID!, $key: String!) {
  holdAppointment(slotId: $slot, itemId: $item, idempotencyKey: $key) {
    __typename
    ... on AppointmentChanged { appointment { id state item { bring } holdExpiresAt } }
    ... on AppointmentSlotFull { code message alternatives { id free startsAt } }
    ... on Refusal { code message }
  }
}"""


BOOK = """
mutation ($slot: ID!, $key: String!) {
  bookHospitalNumber(hospitalId: "h1", slotId: $slot, idempotencyKey: $key) {
    __typename
    ... on HospitalNumberBooked { appointment { id state fee payBefore preparation } }
    ... on HospitalNumberTaken { code message alternatives { code startsAt } }
    ... on Refusal { code message }
  }
}"""


@pytest.fixture
def run(client: Client) -> Run:
    """Executes an operation and returns its data; errors fail the test."""

    async def execute(call: Call, query: str, **variables: Any) -> Any:
        return await client.data(query, variables, viewer=call.viewer)

    return execute


async def test_a_full_slot_offers_others(app: App, call: MakeCall, run: Run) -> None:
    day = timedelta(days=2)
    slot, *_ = await offer(app, *(day + n * timedelta(hours=1) for n in range(5)))
    winner, loser = await people(app, call, 2)
    got = await run(winner, HOLD, slot=str(slot), item="general", key="hold-0001")
    assert got["holdAppointment"]["appointment"]["state"] == "HELD"
    assert got["holdAppointment"]["appointment"]["item"]["bring"]
    lost = (await run(loser, HOLD, slot=str(slot), item="general", key="hold-0001"))[
        "holdAppointment"
    ]
    assert (lost["__typename"], lost["code"]) == ("AppointmentSlotFull", "SLOT_FULL")
    assert len(lost["alternatives"]) >= 3
    assert all(a["free"] == 1 for a in lost["alternatives"])


@pytest.mark.parametrize(
    ("slot", "item", "key", "refused"),
    [
        ("not-an-id", "general", "hold-0001", "NOT_FOUND"),
        ("slot", "no-such-item", "hold-0001", "ITEM_UNKNOWN"),
        ("slot", "general", "short", "KEY_INVALID"),
        ("slot", "general", "x" * 65, "KEY_INVALID"),
        ("slot", "general", "emoji-😀😀😀", "KEY_INVALID"),
    ],
)
async def test_bad_input_is_refused_and_nothing_is_written(
    app: App, call: MakeCall, run: Run, slot: str, item: str, key: str, refused: str
) -> None:
    (real,) = await offer(app, timedelta(days=2))
    (viewer,) = await people(app, call, 1)
    asked = str(real) if slot == "slot" else slot
    got = await run(viewer, HOLD, slot=asked, item=item, key=key)
    assert got["holdAppointment"]["code"] == refused
    assert await count("appointments_booking") + await count("core_idempotency") == 0


async def test_the_citys_places_are_published_once(app: App, call: MakeCall, run: Run) -> None:
    await publishing.seed(app)
    slots = await count("appointments_slot")
    await publishing.seed(app)
    assert await count("appointments_slot") == slots > 1_000
    viewer = call(level=1)
    for service_id, service in app.services.items():
        if service.status is ServiceStatus.PLANNED or service_id not in rules_of(app).venues:
            continue
        data = await run(
            viewer,
            """query ($id: ID!) { appointmentPlaces(serviceId: $id) { id place }
                 appointmentItems(serviceId: $id) { code bring fee } }""",
            id=service_id,
        )
        assert data["appointmentPlaces"] and data["appointmentItems"]
        slots_query = """query ($id: ID!) {
            appointmentSlots(placeId: $id, skipDays: 1, days: 7, onlyFree: true) {
              id capacity free releasesAt } }"""
        offered = await run(viewer, slots_query, id=data["appointmentPlaces"][0]["id"])
        assert offered["appointmentSlots"], service_id


async def test_staff_check_in_through_the_schema(
    app: App, call: MakeCall, run: Run, clock: ManualClock
) -> None:
    (slot,) = await offer(app, timedelta(days=1))
    (viewer,) = await people(app, call, 1)
    got = await run(viewer, HOLD, slot=str(slot), item="general", key="hold-0001")
    booking_id = got["holdAppointment"]["appointment"]["id"]
    confirmed = await run(
        viewer,
        """mutation ($id: ID!) {
             confirmAppointment(appointmentId: $id, idempotencyKey: "confirm-1") {
               ... on AppointmentChanged { appointment { state checkInCode ics } } } }""",
        id=booking_id,
    )
    shown = confirmed["confirmAppointment"]["appointment"]
    assert shown["state"] == "CONFIRMED" and shown["ics"].startswith("BEGIN:VCALENDAR")
    clock.move(timedelta(days=1))
    staff = call(level=1, roles=frozenset({Role.DEPARTMENT_OFFICER}))
    scan = """mutation ($code: String!, $key: String!) {
        checkInAppointment(code: $code, idempotencyKey: $key) {
          ... on CheckedIn { appointmentId } ... on Refusal { code } } }"""
    done = await run(staff, scan, code=shown["checkInCode"], key="scan-0001")
    assert done["checkInAppointment"] == {"appointmentId": booking_id}
    again = await run(staff, scan, code=shown["checkInCode"], key="scan-0002")
    assert again["checkInAppointment"] == {"code": "CODE_INVALID"}
    stranger = await run(viewer, scan, code=shown["checkInCode"], key="scan-0003")
    assert stranger["checkInAppointment"] == {"code": "NOT_ALLOWED"}


async def test_hospitals_through_the_schema(app: App, call: MakeCall, run: Run) -> None:
    (viewer,) = await people(app, call, 1)
    await consent(viewer, PATIENT)
    browse = """{ hospitals { code status name }
        hospitalDepartments(hospitalId: "h1") { status items { code name } }
        hospitalDoctors(hospitalId: "h1", departmentId: "s00") { items { scheduleId fee } }
        hospitalSlots(hospitalId: "h1", scheduleId: "sch000", skipDays: 2) {
          status asOf items { code startsAt } } }"""
    data = await run(viewer, browse)
    assert {h["status"] for h in data["hospitals"]} == {"LIVE"}
    assert data["hospitalDoctors"]["items"] == [
        {"scheduleId": "sch000", "fee": 0},
        {"scheduleId": "sch001", "fee": 5000},
    ]
    slots = [slot["code"] for slot in data["hospitalSlots"]["items"]]
    booked = await run(
        viewer,
        """mutation ($slot: ID!, $key: String!) {
             bookHospitalNumber(hospitalId: "h1", slotId: $slot, idempotencyKey: $key) {
               ... on HospitalNumberBooked { appointment { id state checkInCode } } } }""",
        slot=slots[0],
        key=str(new_id()),
    )
    appointment = booked["bookHospitalNumber"]["appointment"]
    assert (appointment["state"], appointment["checkInCode"]) == ("CONFIRMED", None)
    moved = await run(
        viewer,
        """mutation ($id: ID!, $slot: ID!) {
             moveHospitalNumber(appointmentId: $id, slotId: $slot, idempotencyKey: "move-0001") {
               ... on HospitalNumberBooked { appointment { id state } } } }""",
        id=appointment["id"],
        slot=slots[-1],
    )
    assert moved["moveHospitalNumber"]["appointment"]["state"] == "CONFIRMED"
    listed = await run(viewer, "{ appointments(first: 10) { edges { node { id state } } } }")
    assert [e["node"]["state"] for e in listed["appointments"]["edges"]] == ["CONFIRMED"]


async def test_a_fee_is_paid_through_the_schema(
    app: App, call: MakeCall, run: Run, till: Till, clock: ManualClock
) -> None:
    (viewer, loser) = await people(app, call, 2)
    for person in (viewer, loser):
        await consent(person, PATIENT)
    offered = await run(
        viewer,
        """{ hospitalSlots(hospitalId: "h1", scheduleId: "sch001", skipDays: 2) {
               items { code startsAt cancelUntil } } }""",
    )
    slot = offered["hospitalSlots"]["items"][0]
    assert slot["cancelUntil"] < slot["startsAt"]
    held = (await run(viewer, BOOK, slot=slot["code"], key="book-0001"))["bookHospitalNumber"]
    appointment = held["appointment"]
    assert (appointment["state"], appointment["fee"]) == ("HELD", 5000)
    assert appointment["payBefore"] and appointment["preparation"]
    taken = (await run(loser, BOOK, slot=slot["code"], key="book-0001"))["bookHospitalNumber"]
    assert (taken["__typename"], taken["code"]) == ("HospitalNumberTaken", "SLOT_FULL")
    assert len(taken["alternatives"]) >= 3
    pay = """mutation ($id: ID!, $key: String!) {
        payAppointment(appointmentId: $id, idempotencyKey: $key) {
          ... on AppointmentPaymentStarted { payment { id amount title cashierUrl } }
          ... on Refusal { code } } }"""
    foreign = await run(loser, pay, id=appointment["id"], key="pay-00001")
    assert foreign["payAppointment"] == {"code": "NOT_FOUND"}
    clock.move(timedelta(minutes=14))
    started = await run(viewer, pay, id=appointment["id"], key="pay-00001")
    payment = started["payAppointment"]["payment"]
    assert (payment["amount"], "Example Hospital" in payment["title"]) == (5000, True)
    assert await till.pay(UUID(payment["id"]))
    await till.queue.run_due()
    shown = await run(
        fresh(viewer),
        "query ($id: ID!) { appointment(id: $id) { state payBefore ics } }",
        id=appointment["id"],
    )
    assert shown["appointment"]["state"] == "CONFIRMED"
    assert shown["appointment"]["payBefore"] is None


async def test_vaccinations_through_the_schema(
    app: App, call: MakeCall, run: Run, clinics: FakeHospitals
) -> None:
    guardian, child_id = (await people(app, call, 1))[0], await citizen(app, 2)
    await guardian_of(app, guardian, child_id)
    for_child = await act_for(guardian, child_id, service="vaccination-appointment")
    today = civil_date(app.clock.now())
    clinics.records[resident_id(2)] = VaccinationRecord(
        [given("MMR", 1, today)], [due("MMR", 2, today), due("DT", 1, today)]
    )
    book = """mutation ($slot: ID!, $code: String!, $number: Int!, $for: ID!, $key: String!) {
        bookVaccination(clinicId: "v1", slotId: $slot, vaccineCode: $code, doseNumber: $number,
                        onBehalfOf: $for, idempotencyKey: $key) {
          ... on HospitalNumberBooked { appointment { state subject bookedFor preparation } }
          ... on Refusal { code message } } }"""
    rooms = await run(
        guardian,
        """{ vaccinationClinics { code name } vaccinationRooms(clinicId: "v1") {
               items { scheduleId kind fee } }
             vaccinationSlots(clinicId: "v1", scheduleId: "sch000", skipDays: 1) {
               items { code } } }""",
    )
    assert rooms["vaccinationRooms"]["items"][0]["kind"] == "VACCINATION"
    slot = rooms["vaccinationSlots"]["items"][0]["code"]
    ask = {"slot": slot, "for": str(child_id)}
    refused = await run(guardian, book, **ask, code="DT", number=1, key="dose-0001")
    assert refused["bookVaccination"]["code"] == "CONSENT_REQUIRED"
    await consent(for_child, RECORD)
    await consent(for_child, VACCINEE)
    record = await run(
        guardian,
        """query ($for: ID!) { vaccinations(onBehalfOf: $for) { status given { givenOn }
             due { dose { vaccineCode number } earliestOn overdue } } }""",
        **{"for": str(child_id)},
    )
    told = {d["dose"]["vaccineCode"]: d["earliestOn"] for d in record["vaccinations"]["due"]}
    assert told == {"MMR": (today + timedelta(days=28)).isoformat(), "DT": today.isoformat()}
    for code, number, refusal in (
        ("MMR", 1, "DOSE_GIVEN"), ("MMR", 2, "DOSE_TOO_EARLY"), ("BCG", 1, "DOSE_NOT_DUE"),
    ):  # fmt: skip
        got = await run(guardian, book, **ask, code=code, number=number, key=f"dose-{code}{number}")
        assert got["bookVaccination"]["code"] == refusal
    assert await count("appointments_booking") == 0
    booked = await run(guardian, book, **ask, code="DT", number=1, key="dose-0001")
    assert booked["bookVaccination"]["appointment"] == {
        "state": "CONFIRMED",
        "subject": "DT vaccine 1/2",
        "bookedFor": str(child_id),
        "preparation": "Bring the vaccination booklet.",
    }
