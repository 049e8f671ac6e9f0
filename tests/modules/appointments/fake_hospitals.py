"""A hospital in memory, kept to the same contract as the FHIR client (test_hospitals.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.city import Named
from core.clock import SHANGHAI, Clock
from core.deadline import Deadline
from core.http import UpstreamRejected, UpstreamTimeout, UpstreamUnavailable
from core.privacy import Access
from modules.appointments.hospitals.upstream import (
    Department,
    Doctor,
    Hospital,
    HospitalSlot,
    Placed,
    SlotTaken,
)

INTERNAL = Department("s00", Named("内科", "Internal medicine"))
_DAYS = 14
_PER_DAY = 8


@dataclass
class FakeHospitals:
    """One calendar per hospital, eight numbers a day; breaks on demand."""

    clock: Clock
    placed: dict[tuple[str, UUID], Placed] = field(default_factory=dict)
    slot_of: dict[tuple[str, UUID], str] = field(default_factory=dict)
    fails: list[str] = field(default_factory=list)
    """What happens to the next calls that change something: "down", "lost" or "late", in order."""
    insists: bool = False
    patients: dict[UUID, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

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
        return [_DOCTOR] if department_ref == INTERNAL.ref else []

    async def find_doctor(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Doctor | None:
        self._reach("doctor")
        return _DOCTOR if schedule_ref == _DOCTOR.schedule_ref else None

    async def list_slots(
        self,
        hospital_ref: str,
        schedule_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> Sequence[HospitalSlot]:
        self._reach("slots")
        return [
            slot
            for slot in self._slots(hospital_ref)
            if slot.free and begins_at <= slot.starts_at < ends_at
        ]

    async def find_slot(
        self, hospital_ref: str, slot_ref: str, deadline: Deadline
    ) -> HospitalSlot | None:
        self._reach("slot")
        return next((s for s in self._slots(hospital_ref) if s.ref == slot_ref), None)

    async def book(
        self, access: Access, hospital_ref: str, slot_ref: str, booking_id: UUID, deadline: Deadline
    ) -> Placed:
        fault = self._fault("book")
        known = self.placed.get((hospital_ref, booking_id))
        if known is None:
            if slot_ref in self.taken(hospital_ref):
                raise SlotTaken
            assert access.person.resident_id
            self.patients[booking_id] = access.person.resident_id
            known = Placed(f"a{len(self.placed)}", 'W/"1"', live=True)
            self.placed[hospital_ref, booking_id] = known
            self.slot_of[hospital_ref, booking_id] = slot_ref
        self._lose(fault, "book")
        return known

    async def find_booking(
        self, hospital_ref: str, booking_id: UUID, deadline: Deadline
    ) -> Placed | None:
        self._reach("find_booking")
        return self.placed.get((hospital_ref, booking_id))

    async def cancel(
        self, hospital_ref: str, booking_id: UUID, placed: Placed, deadline: Deadline
    ) -> Placed:
        fault = self._fault("cancel")
        if self.insists:
            raise UpstreamRejected("hospitals", "cancel", 422, b"")
        gone = replace(placed, version='W/"2"', live=False)
        self.placed[hospital_ref, booking_id] = gone
        self._lose(fault, "cancel")
        return gone

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

    def _slots(self, hospital_ref: str) -> list[HospitalSlot]:
        today = self.clock.now().astimezone(SHANGHAI).date()
        slots = []
        for day in range(_DAYS):
            for number in range(_PER_DAY):
                begins = datetime.combine(
                    today + timedelta(days=day), datetime.min.time(), SHANGHAI
                ) + timedelta(hours=8, minutes=15 * number)
                ref = f"{_DOCTOR.schedule_ref}-{begins:%Y%m%d-%H%M}"
                free = begins > self.clock.now() and ref not in self.taken(hospital_ref)
                starts_at = begins.astimezone(UTC)
                ends_at = starts_at + timedelta(minutes=15)
                slots.append(HospitalSlot(ref, _DOCTOR.schedule_ref, starts_at, ends_at, free))
        return slots


_DOCTOR = Doctor("sch000", "贾样例", Named("主任医师", "Chief physician"), INTERNAL, 5000)
