"""The immunisation registry and its clinics: what appointments needs of them.

See docs/upstreams/immunisation.md.
"""

from typing import Protocol

from core.deadline import Deadline
from core.people.personal_read import Access
from modules.health.hospitals.upstream import Hospitals
from modules.health.vaccination.domain import VaccinationRecord


class Immunisation(Hospitals, Protocol):
    """The registry, and clinics whose numbers are booked like a hospital's."""

    async def read_record(self, access: Access, deadline: Deadline) -> VaccinationRecord:
        """The doses of the person in `access`, given and due. Raises UpstreamError."""
        ...
