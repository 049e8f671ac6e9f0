"""A mandate: that one person may act for another now, and on what ground."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class MandateKind(StrEnum):
    """GUARDIAN: of a child, as the registry confirms. PROXY: chosen by an adult."""

    GUARDIAN = "guardian"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Mandate:
    """That one person may act for another now; `services` None means all that are for others."""

    id: UUID
    kind: MandateKind
    actor_id: UUID
    subject_id: UUID
    services: frozenset[str] | None = None

    def covers(self, service: str | None) -> bool:
        """Whether it reaches to a service; None stands for the account itself."""
        if self.services is None:
            return True
        return service is not None and service in self.services
