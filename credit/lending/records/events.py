"""What lending tells others: the banks' door, and its own jobs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class BankApplicationChanged:
    """An application at a bank moved; `sequence` grows by one with each change of it."""

    application_id: UUID
    bank: str
    state: str
    sequence: int


@dataclass(frozen=True, slots=True)
class LoanChanged:
    """Something happened to a loan; `sequence` grows by one with each change of it."""

    loan_id: UUID
    bank: str
    status: str
    sequence: int


@dataclass(frozen=True, slots=True)
class LoanConsentWithdrawn:
    """A company lets a bank have its data no more, since a moment."""

    company_id: UUID
    bank: str
    sources: list[str]
    withdrawn_at: datetime
