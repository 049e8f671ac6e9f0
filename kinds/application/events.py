"""What applications tell the rest of the house."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """A case is over; `state` says how, and `kind` is its service."""

    case_id: UUID
    kind: str
    item: str
    citizen_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class LicenceGranted:
    """A case has ended so that its citizen has an e-licence from it; `kind` is the service."""

    case_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class CaseAwaits:
    """A case waits for news from outside, which its service brings; `kind` is the service.

    `sequence` is the place in its timeline at which it began to wait.
    """

    case_id: UUID
    kind: str
    state: str
    sequence: int
