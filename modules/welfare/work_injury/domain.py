"""Work-injury insurance: the record, injuries and how they were decided, what was paid for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from modules.welfare.insurance.domain import InsuranceRecord


class RecognitionResult(StrEnum):
    """How an application was decided. RECOGNISED; NOT_RECOGNISED; IN_REVIEW: not decided yet."""

    RECOGNISED = "RECOGNISED"
    NOT_RECOGNISED = "NOT_RECOGNISED"
    IN_REVIEW = "IN_REVIEW"


class InjuryBenefitKind(StrEnum):
    """What is paid for. MEDICAL: treatment. DISABILITY_LUMP_SUM: once, by the grade."""

    MEDICAL = "MEDICAL"
    DISABILITY_LUMP_SUM = "DISABILITY_LUMP_SUM"


@dataclass(frozen=True, slots=True)
class InjuryRecognition:
    """An application to recognise an injury as one of work."""

    recognition_no: Annotated[str, "Its number."]
    employer_zh: Annotated[str, "The employer."]
    injured_on: Annotated[date, "The day of the injury."]
    applied_on: Annotated[date, "When it was applied for."]
    result: Annotated[RecognitionResult, "How it was decided."]
    decided_on: Annotated[date | None, "When it was decided."]
    disability_grade: Annotated[int | None, "The disability grade, 1 (gravest) to 10."]


@dataclass(frozen=True, slots=True)
class InjuryBenefit:
    """What was paid for a recognised injury."""

    benefit_no: Annotated[str, "Its number."]
    recognition_no: Annotated[str, "The recognition's number."]
    kind: Annotated[InjuryBenefitKind, "What was paid for."]
    amount_fen: Annotated[int, "How much."]
    paid_on: Annotated[date, "When it was paid."]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkInjuryRecord(InsuranceRecord):
    """Somebody's work-injury insurance."""

    recognitions: Annotated[Sequence[InjuryRecognition], "Injuries and how they were decided."]
    benefits: Annotated[Sequence[InjuryBenefit], "What was paid for them."]
