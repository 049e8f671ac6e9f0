"""Maternity insurance: the record, allowances and how far each has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from modules.welfare.insurance.domain import InsuranceRecord


class AllowanceKind(StrEnum):
    """What is paid. ALLOWANCE: in place of the wage. PRENATAL_CARE: for examinations."""

    ALLOWANCE = "ALLOWANCE"
    PRENATAL_CARE = "PRENATAL_CARE"


class AllowanceState(StrEnum):
    """How far an allowance has come. IN_REVIEW; APPROVED: not paid yet. PAID; REFUSED."""

    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    PAID = "PAID"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class MaternityAllowance:
    """An allowance that was applied for."""

    allowance_no: Annotated[str, "Its number."]
    kind: Annotated[AllowanceKind, "What is paid."]
    event: Annotated[str, "The event, the system's code: BIRTH."]
    event_on: Annotated[date, "The day of the event."]
    days: Annotated[int | None, "Days of leave that are paid for."]
    amount_fen: Annotated[int, "How much; 0 where it was refused."]
    state: Annotated[AllowanceState, "How far it has come."]
    reason: Annotated[str | None, "Why it was refused, the system's code: LATE_APPLICATION."]
    applied_on: Annotated[date, "When it was applied for."]
    paid_on: Annotated[date | None, "When it was paid."]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaternityRecord(InsuranceRecord):
    """Somebody's maternity insurance."""

    allowances: Annotated[Sequence[MaternityAllowance], "Allowances, each once for a birth."]
