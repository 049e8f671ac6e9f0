"""Medical insurance: the record, whether it pays now, the account, what was settled."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from modules.welfare.insurance.domain import InsuranceRecord


class MedicalScheme(StrEnum):
    """In which insurance somebody is. EMPLOYEE: with an account. RESIDENT: by the year."""

    EMPLOYEE = "EMPLOYEE"
    RESIDENT = "RESIDENT"


class CoverageState(StrEnum):
    """Whether the fund pays now. IN_EFFECT; SUSPENDED: no longer paid for. ENDED."""

    IN_EFFECT = "IN_EFFECT"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"


class SettlementKind(StrEnum):
    """Where something was settled. PHARMACY; OUTPATIENT; INPATIENT."""

    PHARMACY = "PHARMACY"
    OUTPATIENT = "OUTPATIENT"
    INPATIENT = "INPATIENT"


@dataclass(frozen=True, slots=True)
class MedicalCoverage:
    """Whether the fund pays."""

    state: Annotated[CoverageState, "Whether it pays now."]
    since: Annotated[date, "Since when it paid."]
    until: Annotated[date | None, "Until when, where it has stopped."]


@dataclass(frozen=True, slots=True)
class MedicalAccount:
    """The personal account of an employee."""

    balance_fen: Annotated[int, "What is in it."]


@dataclass(frozen=True, slots=True)
class MedicalYear:
    """What was paid in a calendar year."""

    year: Annotated[int, "The year."]
    fund_fen: Annotated[int, "What the fund paid."]
    fund_cap_fen: Annotated[int, "What it pays at most."]
    deductible_fen: Annotated[int, "What one pays before the fund does."]
    deductible_used_fen: Annotated[int, "How much of that is paid."]
    self_pay_fen: Annotated[int, "What the person paid."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicalRecord(InsuranceRecord):
    """Somebody's medical insurance."""

    scheme: Annotated[MedicalScheme, "In which insurance the person is."]
    coverage: Annotated[MedicalCoverage, "Whether the fund pays now."]
    account: Annotated[MedicalAccount | None, "The personal account; null for a resident."]
    this_year: Annotated[MedicalYear, "What was paid this year."]


@dataclass(frozen=True, slots=True)
class MedicalSettlement:
    """A bill that a hospital or pharmacy settled with the insurance."""

    record_no: Annotated[str, "Its number."]
    settled_on: Annotated[date, "The day."]
    kind: Annotated[SettlementKind, "Where it was settled."]
    institution_zh: Annotated[str, "The hospital or pharmacy."]
    place_zh: Annotated[str, "The place."]
    total_fen: Annotated[int, "The whole bill."]
    fund_fen: Annotated[int, "What the fund paid."]
    account_fen: Annotated[int, "What the personal account paid."]
    self_pay_fen: Annotated[int, "What the person paid."]
