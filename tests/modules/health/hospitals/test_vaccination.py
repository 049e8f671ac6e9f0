"""Vaccinations: only the dose that is due, at its time, for oneself or one's child."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.errors import AppError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from core.people.mandates import act_for
from core.people.personal_read import list_access, withdraw_consent
from core.upstream.readings import ReadStatus
from kinds.booking import numbers, service
from kinds.booking.domain import State
from kinds.booking.sources import ExternalSlot
from kinds.booking.store import BookingRow
from modules.health.hospitals import browsing
from modules.health.vaccination import service as vaccination
from modules.health.vaccination.domain import (
    DoseFault,
    VaccinationRecord,
    check_dose,
    earliest_on,
)
from modules.health.vaccination.service import (
    CLINICS,
    RECORD,
    VACCINATION_APPOINTMENT,
    VACCINEE,
)
from modules.identity.models import Mandate
from tests.conftest import NOON
from tests.kinds.booking.engine import MakeCall, count
from tests.kinds.booking.people import citizen, consent, fresh, guardian_of, resident_id
from tests.modules.health.hospitals.fake_hospitals import FakeHospitals, due, given

TODAY = civil_date(NOON)
MONTH = timedelta(days=28)


async def vaccinee(app: App, call: MakeCall, number: int = 1) -> Call:
    """A verified citizen who has agreed to both purposes."""
    made = call(user_id=await citizen(app, number), level=2)
    await consent(made, RECORD)
    await consent(made, VACCINEE)
    return made


async def slots_of(call: Call, skip_days: int = 2) -> list[ExternalSlot]:
    reading = await browsing.read_slots(
        call, "v1", "sch000", skip_days=skip_days, days=7, servers=CLINICS
    )
    assert reading.value
    return list(reading.value)


async def book(
    call: Call, slot: ExternalSlot, dose: tuple[str, int] = ("DT", 1), key: str = "dose-0001"
) -> BookingRow:
    return await vaccination.book_vaccination(call, "v1", slot.ref, *dose, key)


def knows(clinics: FakeHospitals, number: int = 1, *, given: Any = (), due: Any = ()) -> None:
    """What the registry knows of a test citizen."""
    clinics.records[resident_id(number)] = VaccinationRecord(list(given), list(due))


async def test_a_due_dose_is_booked_once_and_leaves_its_traces(
    app: App, call: MakeCall, clinics: FakeHospitals
) -> None:
    viewer = await vaccinee(app, call)
    knows(clinics, due=[due("DT", 1, TODAY - MONTH)])
    first, second = (await slots_of(viewer))[:2]
    booked = await book(viewer, first)
    assert (booked.state, booked.item_id, booked.fee_fen) == (State.CONFIRMED, "DT/1", 0)
    assert booked.described.notes.en == "Bring the vaccination booklet."
    assert clinics.live() == {booked.id}
    assert await book(viewer, first) == booked
    with pytest.raises(Conflict) as refused:
        await book(viewer, second, key="dose-0002")
    assert refused.value.code == "LIMIT_SUBJECT"
    assert clinics.live() == {booked.id}
    purposes = {row.purpose for row in await list_access(viewer, first=10)}
    assert purposes == {RECORD.id, VACCINEE.id}
    await service.cancel(viewer, booked.id, "cancel-01")
    assert (await book(viewer, second, key="dose-0003")).state is State.CONFIRMED


@pytest.mark.parametrize(
    ("dose", "code"),
    [
        (("MMR", 1), "DOSE_GIVEN"),
        (("MMR", 2), "DOSE_TOO_EARLY"),
        (("DT", 2), "DOSE_NOT_DUE"),
        (("BCG", 1), "DOSE_NOT_DUE"),
        (("DTaP", 2), "DOSE_TOO_EARLY"),
        (("DT", 0), "DOSE_NOT_DUE"),
        (("X" * 33, 1), "DOSE_NOT_DUE"),
    ],
)
async def test_any_other_dose_is_refused_and_nothing_is_booked(
    app: App, call: MakeCall, clinics: FakeHospitals, dose: tuple[str, int], code: str
) -> None:
    viewer = await vaccinee(app, call)
    knows(
        clinics,
        given=[given("MMR", 1, TODAY - timedelta(days=200)), given("DTaP", 1, TODAY)],
        due=[
            due("DT", 1, TODAY),
            due("MMR", 2, TODAY + MONTH),
            due("DTaP", 2, TODAY - MONTH),
        ],
    )
    slot = (await slots_of(viewer))[0]
    with pytest.raises((Conflict, InvalidInput)) as refused:
        await book(viewer, slot, dose)
    assert refused.value.code == code
    if code == "DOSE_TOO_EARLY":
        assert (TODAY + MONTH).isoformat() in refused.value.say(viewer.locale)
    assert clinics.live() == set()
    assert await count("appointments_booking") == 0


async def test_the_first_day_that_keeps_the_distance_is_good(
    app: App, call: MakeCall, clinics: FakeHospitals
) -> None:
    viewer = await vaccinee(app, call)
    last = TODAY - MONTH + timedelta(days=5)
    knows(clinics, given=[given("DTaP", 1, last)], due=[due("DTaP", 2, TODAY - MONTH)])
    early = next(s for s in await slots_of(viewer) if (civil_date(s.starts_at) - TODAY).days == 4)
    later = next(s for s in await slots_of(viewer) if (civil_date(s.starts_at) - TODAY).days == 5)
    with pytest.raises(Conflict):
        await book(viewer, early, ("DTaP", 2))
    moved_from = await book(viewer, later, ("DTaP", 2), key="dose-0002")
    with pytest.raises(Conflict) as refused:
        await numbers.move_number(viewer, moved_from.id, early.ref, "move-0001")
    assert refused.value.code == "DOSE_TOO_EARLY"
    another, third, *_ = [
        s for s in await slots_of(viewer) if (civil_date(s.starts_at) - TODAY).days == 6
    ]
    moved = await numbers.move_number(viewer, moved_from.id, another.ref, "move-0002")
    assert (moved.state, moved.item_id) == (State.CONFIRMED, "DTaP/2")
    with pytest.raises(Conflict) as twice:
        await book(viewer, third, ("DTaP", 2), key="dose-0003")
    assert twice.value.code == "LIMIT_SUBJECT", "the dose's one appointment moved along"


async def test_without_consent_or_registry_nothing_is_asked_or_booked(
    app: App, call: MakeCall, clinics: FakeHospitals
) -> None:
    viewer = await vaccinee(app, call)
    knows(clinics, due=[due("DT", 1, TODAY)])
    slot = (await slots_of(viewer))[0]
    for purpose in (RECORD, VACCINEE):
        await withdraw_consent(viewer, purpose.id)
        asked = clinics.calls.count("record")
        with pytest.raises(Forbidden) as refused:
            await book(viewer, slot)
        assert refused.value.code == "CONSENT_REQUIRED"
        assert clinics.calls.count("record") == asked
        await consent(viewer, purpose)
    await withdraw_consent(viewer, RECORD.id)
    with pytest.raises(Forbidden):
        await vaccination.read_vaccinations(viewer)
    await consent(viewer, RECORD)
    clinics.fails = ["off"]
    with pytest.raises(Unavailable):
        await book(viewer, slot)
    reading = await vaccination.read_vaccinations(viewer)
    assert reading.status is ReadStatus.UNAVAILABLE
    assert await count("appointments_booking") == 0


async def test_a_guardian_books_for_a_child_and_nobody_else_may(
    app: App, call: MakeCall, clinics: FakeHospitals, clock: ManualClock
) -> None:
    guardian, child_id = call(user_id=await citizen(app, 1), level=2), await citizen(app, 2)
    mandate = await guardian_of(app, guardian, child_id)
    knows(clinics, 2, due=[due("DT", 1, TODAY)])
    for_child = await act_for(guardian, child_id, service=VACCINATION_APPOINTMENT)
    slot, other, *_ = await slots_of(guardian)
    with pytest.raises(Forbidden):
        await book(for_child, slot)
    await consent(for_child, RECORD)
    await consent(for_child, VACCINEE)
    record = await vaccination.read_vaccinations(for_child)
    assert record.value and [one.dose.vaccine_code for one in record.value.due] == ["DT"]
    booked = await book(for_child, slot)
    assert (booked.booked_by, booked.booked_for) == (guardian.subject_id, child_id)
    assert clinics.patients[booked.id] == resident_id(2)
    rows = await list_access(for_child, first=10)
    assert {row.actor_id for row in rows} == {guardian.subject_id}
    stranger = call(user_id=await citizen(app, 3), level=2)
    with pytest.raises(NotFound):
        await act_for(stranger, child_id, service=VACCINATION_APPOINTMENT)
    await Mandate.filter(id=mandate.id).update(state="ended", ended_at=clock.now())
    with pytest.raises(NotFound):
        await numbers.move_number(guardian, booked.id, other.ref, "move-0001")
    with pytest.raises(NotFound):
        await service.cancel(fresh(guardian), booked.id, "cancel-01")
    own = fresh(call(user_id=child_id, level=2))
    assert (await service.cancel(own, booked.id, "cancel-02")).state is State.CANCELLED


async def test_an_old_authentication_is_refused(
    app: App, call: MakeCall, clinics: FakeHospitals, clock: ManualClock
) -> None:
    viewer = await vaccinee(app, call)
    knows(clinics, due=[due("DT", 1, TODAY)])
    slot = (await slots_of(viewer))[0]
    clock.move(timedelta(minutes=15))
    with pytest.raises(AppError) as refused:
        await book(viewer, slot)
    assert refused.value.code == "FRESH_AUTH_REQUIRED"
    assert clinics.live() == set()


DAYS = st.dates(date(2020, 1, 1), date(2027, 1, 1))


@for_all(first=DAYS, doses=st.lists(DAYS, max_size=4), on=DAYS)
def test_a_dose_keeps_its_distance_whatever_the_record(
    first: date, doses: list[date], on: date
) -> None:
    history = [given("DTaP", number, day) for number, day in enumerate(doses, 1)]
    wanted = due("DTaP", len(doses) + 1, first)
    record = VaccinationRecord([*history, given("MMR", 1, on)], [wanted])
    found = check_dose(record, "DTaP", len(doses) + 1, on, MONTH)
    good = on >= first and all(on - day >= MONTH for day in doses)
    assert found.fault is (None if good else DoseFault.TOO_EARLY)
    earliest = earliest_on(record, wanted, MONTH)
    assert check_dose(record, "DTaP", len(doses) + 1, earliest, MONTH).fault is None
    for number in range(1, len(doses) + 1):
        assert check_dose(record, "DTaP", number, on, MONTH).fault is DoseFault.GIVEN
