"""The hospitals' number sources: what appointments needs of them (docs/upstreams/hospital.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.deadline import Deadline
from core.texts import Named
from kinds.booking.sources import ExternalSlot, NumberSystem


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital as it describes itself."""

    ref: str
    name: Named
    grade: str


@dataclass(frozen=True, slots=True)
class Department:
    """A department where people register."""

    ref: str
    name: Named


@dataclass(frozen=True, slots=True)
class Doctor:
    """A doctor in a department; `schedule_ref` is the doctor's calendar there. `fee_fen` is None
    where the hospital does not tell what a visit costs."""

    schedule_ref: str
    name: str
    title: Named
    department: Department
    fee_fen: int | None


class RoomKind(StrEnum):
    """What is booked without choosing a doctor; the codes of HealthcareService.category."""

    EXAMINATION = "examination"
    FOLLOW_UP = "follow-up"
    VACCINATION = "vaccination"


@dataclass(frozen=True, slots=True)
class Room:
    """An examination, a follow-up visit, a vaccination: a service with a calendar of its own."""

    ref: str
    schedule_ref: str
    name: Named
    kind: RoomKind
    fee_fen: int | None
    preparation: Named


class Hospitals(NumberSystem, Protocol):
    """The hospitals: what they offer, and booking it. All methods raise UpstreamError."""

    async def get_hospital(self, hospital_ref: str, deadline: Deadline) -> Hospital:
        """The hospital's own description."""
        ...

    async def list_departments(self, hospital_ref: str, deadline: Deadline) -> Sequence[Department]:
        """Where one can register with a doctor."""
        ...

    async def list_doctors(
        self, hospital_ref: str, department_ref: str, deadline: Deadline
    ) -> Sequence[Doctor]:
        """Who sees patients in a department."""
        ...

    async def find_doctor(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Doctor | None:
        """Whose calendar this is; None for a room's."""
        ...

    async def list_rooms(
        self, hospital_ref: str, kinds: Sequence[RoomKind], deadline: Deadline
    ) -> Sequence[Room]:
        """What of some kinds can be booked without choosing a doctor."""
        ...

    async def find_room(
        self, hospital_ref: str, schedule_ref: str, deadline: Deadline
    ) -> Room | None:
        """Which room's calendar this is; None for a doctor's."""
        ...

    async def list_slots(
        self,
        hospital_ref: str,
        schedule_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> Sequence[ExternalSlot]:
        """The numbers of a calendar that start in [begins_at, ends_at), free ones only."""
        ...

    async def count_free(
        self,
        hospital_ref: str,
        department_ref: str,
        begins_at: datetime,
        ends_at: datetime,
        deadline: Deadline,
    ) -> int:
        """How many numbers of a department that start in [begins_at, ends_at) are free."""
        ...

    async def find_slot(
        self, hospital_ref: str, slot_ref: str, deadline: Deadline
    ) -> ExternalSlot | None:
        """One number."""
        ...
