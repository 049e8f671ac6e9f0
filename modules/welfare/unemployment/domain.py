"""Unemployment insurance: the record, for how long there is a benefit, what was paid of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from modules.welfare.insurance.domain import InsuranceRecord, Month


class EntitlementState(StrEnum):
    """Whether a benefit is drawn. NOT_CLAIMED; CLAIMING; EXHAUSTED: all its months are paid."""

    NOT_CLAIMED = "NOT_CLAIMED"
    CLAIMING = "CLAIMING"
    EXHAUSTED = "EXHAUSTED"


@dataclass(frozen=True, slots=True)
class UnemploymentEntitlement:
    """For how long the benefit is paid to who has lost their work."""

    state: Annotated[EntitlementState, "Whether it is drawn."]
    months_max: Annotated[int, "For how many months it is paid at most; 0 for too few paid in."]
    months_used: Annotated[int, "How many of them are used."]
    monthly_fen: Annotated[int, "What is paid in a month."]
    claimed_on: Annotated[date | None, "When it was claimed."]


@dataclass(frozen=True, slots=True)
class UnemploymentBenefit:
    """One month's benefit."""

    month: Annotated[Month, 'The month it is for, "YYYY-MM".']
    amount_fen: Annotated[int, "How much."]
    paid_on: Annotated[date, "When it was paid."]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnemploymentRecord(InsuranceRecord):
    """Somebody's unemployment insurance."""

    entitlement: Annotated[UnemploymentEntitlement, "The benefit there is, or would be."]
    benefits: Annotated[Sequence[UnemploymentBenefit], "What was paid, newest first."]
