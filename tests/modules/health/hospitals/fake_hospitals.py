"""A hospital in memory, kept to the same contract as the FHIR client (test_hospitals.py)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID

from core.clock import SHANGHAI, Clock
from core.deadline import Deadline
from core.people.personal_read import Access
from core.texts import Named
from core.upstream.client import UpstreamRejected, UpstreamTimeout, UpstreamUnavailable
from kinds.booking.sources import ExternalBooking, ExternalSlot, SlotTaken
from modules.health.hospitals.upstream import Department, Doctor, Hospital, Room, RoomKind
from modules.health.vaccination.domain import (
    Dose,
    DueDose,
    GivenDose,
    VaccinationRecord,
)

INTERNAL = Department("s00", Named("内科", "Internal medicine"))
_DAYS = 14
_PER_DAY = 8


@dataclass
class FakeHospitals:
    """Calendars of eight numbers a day: a doctor who costs nothing, one who does, and rooms.

    Breaks on demand.
    """

    clock: Clock
    placed: dict[tuple[str, UUID], ExternalBooking] = field(default_factory=dict)
    slot_of: dict[tuple[str, UUID], str] = field(default_factory=dict)
    changed_at: dict[tuple[str, UUID], datetime] = field(default_factory=dict)
    fails: list[str] = field(default_factory=list)
    """What happens to the next calls that change something: "down", "lost" or "late", in order."""
    insists: bool = False
    version: str = 'W/"1"'
    """Of what is booked next."""
    meanwhile: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    """What others do while the next call of an operation ("slot", "book", "cancel") is on its
    way."""
    patients: dict[UUID, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    rooms: dict[str, Room] = field(default_factory=dict)
    doctors: dict[str, Doctor] = field(default_factory=lambda: dict(_DOCTORS))
    records: dict[str, VaccinationRecord] = field(default_factory=dict)

    async def get_hospital(self, hospital_ref: str, deadline: Deadline) -> Hospital:
        self._reach("hospital")
        return Hospital(hospital_ref, Named("示范医院", "Example Hospital"), "三级甲等")

    async def list_departments(self, hospital_ref: str, deadline: Deadline) -> Sequence[Department]:
        self._reach("departments")
        return [INTERNAL]

    async def list_doctors(
        self, hospital_ref: str, department_ref: str, deadline: Deadline
    ) -> Sequence[Doctor]:
        self._reach("doctors")
        return list(self.doctors.values()) if department_ref == INTERNAL.ref else []

    async def find_doctor(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Doctor | None:
        self._reach("doctor")
        return self.doctors.get(schedule_ref)

    async def list_rooms(
        self, hospital_ref: str, kinds: Sequence[RoomKind], deadline: Deadline
    ) -> Sequence[Room]:
        self._reach("rooms")
        return [room for room in self.rooms.values() if room.kind in kinds]

    async def find_room(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Room | None:
        self._reach("room")
        return self.rooms.get(schedule_ref)

    async def read_record(self, access: Access, deadline: Deadline) -> VaccinationRecord:
        """See modules.health.vaccination.upstream.Immunisation."""
        self._reach("record")
        assert access.person.resident_id
        return self.records.get(access.person.resident_id, VaccinationRecord((), ()))

    async def count_free(
        self,
        hospital_ref: str,
        department_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> int:
        self._reach("free_count")
        slots = self._slots(hospital_ref)
        return sum(slot.free and begins_at <= slot.starts_at < ends_at for slot in slots)

    async def list_slots(
        self,
        hospital_ref: str,
        schedule_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> Sequence[ExternalSlot]:
        self._reach("slots")
        return [
            slot
            for slot in self._slots(hospital_ref)
            if slot.schedule_ref == schedule_ref
            and slot.free
            and begins_at <= slot.starts_at < ends_at
        ]

    async def find_slot(
        self, hospital_ref: str, slot_ref: str, deadline: Deadline
    ) -> ExternalSlot | None:
        self._reach("slot")
        await self._pass("slot")
        return next((s for s in self._slots(hospital_ref) if s.ref == slot_ref), None)

    async def book(
        self, access: Access, hospital_ref: str, slot_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking:
        fault = self._fault("book")
        await self._pass("book")
        known = self.placed.get((hospital_ref, booking_id))
        if known is None:
            if slot_ref in self.taken(hospital_ref):
                raise SlotTaken
            assert access.person.resident_id
            self.patients[booking_id] = access.person.resident_id
            slot = next(one for one in self._slots(hospital_ref) if one.ref == slot_ref)
            known = ExternalBooking(
                f"a{len(self.placed)}", self.version, live=True,
                slot_ref=slot_ref, starts_at=slot.starts_at, ends_at=slot.ends_at,
            )  # fmt: skip
            self.placed[hospital_ref, booking_id] = known
            self.slot_of[hospital_ref, booking_id] = slot_ref
            self.changed_at[hospital_ref, booking_id] = self.clock.now()
        self._lose(fault, "book")
        return known

    async def find_booking(
        self, hospital_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking | None:
        self._reach("find_booking")
        return self.placed.get((hospital_ref, booking_id))

    async def list_changed(
        self, hospital_ref: str, since: datetime, deadline: Deadline
    ) -> Sequence[UUID]:
        self._reach("list_changed")
        changed = self.changed_at.items()
        return [key[1] for key, at in changed if key[0] == hospital_ref and at >= since]

    async def cancel(
        self, hospital_ref: str, booking_id: UUID, placed: ExternalBooking, deadline: Deadline
    ) -> ExternalBooking:
        fault = self._fault("cancel")
        await self._pass("cancel")
        if self.insists:
            raise UpstreamRejected("hospitals", "cancel", 422, b"")
        self.change(hospital_ref, booking_id, live=False)
        gone = self.placed[hospital_ref, booking_id]
        self._lose(fault, "cancel")
        return gone

    def change(self, hospital_ref: str, booking_id: UUID, *, live: bool) -> None:
        """The hospital itself changes a booking."""
        key = hospital_ref, booking_id
        known = self.placed.get(key, ExternalBooking("other", 'W/"1"', live=True))
        self.placed[key] = replace(known, version='W/"9"', live=live)
        self.changed_at[key] = self.clock.now()

    def reschedule(
        self, hospital_ref: str, booking_id: UUID, slot: ExternalSlot, *, telling: bool = True
    ) -> None:
        """The hospital itself moves a booking to another number, which it tells or does not."""
        key = hospital_ref, booking_id
        self.placed[key] = replace(
            self.placed[key],
            version=f'W/"{len(self.calls)}"',
            slot_ref=slot.ref if telling else None,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
        )
        self.slot_of[key] = slot.ref
        self.changed_at[key] = self.clock.now()

    def taken(self, hospital_ref: str) -> set[str]:
        """The numbers of a hospital that somebody has."""
        return {
            self.slot_of[key]
            for key, placed in self.placed.items()
            if key[0] == hospital_ref and placed.live
        }

    def live(self) -> set[UUID]:
        """The bookings that the hospitals hold."""
        return {key[1] for key, placed in self.placed.items() if placed.live}

    async def _pass(self, operation: str) -> None:
        work = self.meanwhile.pop(operation, None)
        if work is not None:
            await work()

    def _reach(self, operation: str) -> None:
        self.calls.append(operation)
        if self.fails and self.fails[0] == "off":
            raise UpstreamUnavailable("hospitals", operation, "switched off")

    def _fault(self, operation: str) -> str:
        self._reach(operation)
        fault = self.fails.pop(0) if self.fails else ""
        if fault == "down":
            raise UpstreamUnavailable("hospitals", operation, "not connected")
        if fault == "late":
            raise UpstreamTimeout("hospitals", operation, "never arrived")
        return fault

    def _lose(self, fault: str, operation: str) -> None:
        if fault == "lost":
            raise UpstreamTimeout("hospitals", operation, "the reply was lost")

    def _slots(self, hospital_ref: str) -> list[ExternalSlot]:
        today = self.clock.now().astimezone(SHANGHAI).date()
        slots = []
        taken = self.taken(hospital_ref)
        for schedule_ref in {**self.doctors, **self.rooms}:
            for day, number in product(range(_DAYS), range(_PER_DAY)):
                begins = datetime.combine(
                    today + timedelta(days=day), datetime.min.time(), SHANGHAI
                ) + timedelta(hours=8, minutes=15 * number)
                ref = f"{schedule_ref}-{begins:%Y%m%d-%H%M}"
                free = begins > self.clock.now() and ref not in taken
                starts_at = begins.astimezone(UTC)
                ends_at = starts_at + timedelta(minutes=15)
                slots.append(ExternalSlot(ref, schedule_ref, starts_at, ends_at, free))
        return slots


_CHIEF = Named("主任医师", "Chief physician")
FREE_DOCTOR = Doctor("sch000", "贾样例", _CHIEF, INTERNAL, 0)
PAID_DOCTOR = Doctor("sch001", "甄样板", _CHIEF, INTERNAL, 5000)
_DOCTORS = {doctor.schedule_ref: doctor for doctor in (FREE_DOCTOR, PAID_DOCTOR)}
ULTRASOUND = Room(
    "x02",
    "sch048",
    Named("腹部彩超", "Abdominal ultrasound"),
    RoomKind.EXAMINATION,
    16_000,
    Named("检查前空腹 8 小时。", "Do not eat for eight hours before."),
)
FOLLOW_UP = Room(
    "x05", "sch051", Named("专科复诊", "Follow-up visit"), RoomKind.FOLLOW_UP, 0, Named("", "")
)
CHILDREN = Room(
    "x00",
    "sch000",
    Named("儿童预防接种", "Childhood vaccination"),
    RoomKind.VACCINATION,
    0,
    Named("请携带预防接种证。", "Bring the vaccination booklet."),
)


def make_hospitals(clock: Clock) -> FakeHospitals:
    """Hospitals with an examination and a follow-up room."""
    return FakeHospitals(clock, rooms={r.schedule_ref: r for r in (ULTRASOUND, FOLLOW_UP)})


def make_clinics(clock: Clock) -> FakeHospitals:
    """Vaccination clinics and their registry."""
    return FakeHospitals(clock, rooms={CHILDREN.schedule_ref: CHILDREN})


def dose(code: str, number: int, series: int = 2) -> Dose:
    """A dose of a vaccine."""
    return Dose(code, Named(f"{code}疫苗", f"{code} vaccine"), number, series)


def given(code: str, number: int, on: date) -> GivenDose:
    """A dose that was given."""
    return GivenDose(dose(code, number), on, "SBX000001")


def due(code: str, number: int, earliest_on: date) -> DueDose:
    """A dose that is due a month after it can first be given."""
    return DueDose(dose(code, number), earliest_on, earliest_on + timedelta(days=30), overdue=False)
