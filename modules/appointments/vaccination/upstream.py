"""The immunisation registry and its clinics: what appointments needs of them.

See docs/upstreams/immunisation.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from core.city import Named
from core.deadline import Deadline
from core.privacy import Access
from modules.appointments.hospitals.upstream import Hospitals


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose of a vaccine: `number` of the `series` that make it complete, 0 where unknown."""

    vaccine_code: str
    vaccine: Named
    number: int
    series: int


@dataclass(frozen=True, slots=True)
class GivenDose:
    """A dose that somebody has had."""

    dose: Dose
    given_on: date
    lot_no: str


@dataclass(frozen=True, slots=True)
class DueDose:
    """A dose that the programme recommends, not before `earliest_on`."""

    dose: Dose
    earliest_on: date
    due_on: date
    overdue: bool


@dataclass(frozen=True, slots=True)
class VaccinationRecord:
    """What the registry knows of one person; both empty for whom it does not know."""

    given: Sequence[GivenDose]
    due: Sequence[DueDose]


class Immunisation(Hospitals, Protocol):
    """The registry, and clinics whose numbers are booked like a hospital's."""

    async def read_record(self, access: Access, deadline: Deadline) -> VaccinationRecord:
        """The doses of the person in `access`, given and due. Raises UpstreamError."""
        ...
