"""Pension insurance: the record, and how far somebody is from the least months for a pension."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from core.clock import add_months, months_between
from core.texts import Named
from modules.welfare.insurance.domain import INSURED, InsuranceRecord
from modules.welfare.pension import texts


class RetirementCategory(StrEnum):
    """What the retirement age depends on. MALE; FEMALE_CADRE: managers and professionals.
    FEMALE_WORKER: all other women.
    """

    MALE = "MALE"
    FEMALE_CADRE = "FEMALE_CADRE"
    FEMALE_WORKER = "FEMALE_WORKER"


class TransferState(StrEnum):
    """How far a transfer between cities has come. IN_PROGRESS; COMPLETED."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class PensionState(StrEnum):
    """Whether a pension is paid. PAYING; ENDED."""

    PAYING = "PAYING"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class PensionAccount:
    """The personal account."""

    balance_fen: Annotated[int, "What is in it."]
    updated_on: Annotated[date | None, "When it last changed; null where it never held anything."]


@dataclass(frozen=True, slots=True)
class PensionTransfer:
    """Months and money on their way from another city."""

    from_place_zh: Annotated[str, "From where."]
    to_place_zh: Annotated[str, "To where."]
    state: Annotated[TransferState, "How far it has come."]
    months: Annotated[int, "The months it moves; they count here once it is completed."]
    account_fen: Annotated[int | None, "The money it moves; null until it is completed."]
    applied_on: Annotated[date, "When it was applied for."]
    completed_on: Annotated[date | None, "When it was completed."]


@dataclass(frozen=True, slots=True)
class PensionBenefit:
    """The pension itself."""

    state: Annotated[PensionState, "Whether it is paid."]
    monthly_fen: Annotated[int, "What it is in a month."]
    since: Annotated[date, "From when on."]
    until: Annotated[date | None, "Until when, where it has ended."]


@dataclass(frozen=True, slots=True)
class PensionProjection:
    """How far the person is from the least contribution for a monthly pension."""

    retirement_month: Annotated[str, 'When the statutory age is reached, "YYYY-MM".']
    months_required: Annotated[int, "Months that must be paid or deemed by then."]
    months_counted: Annotated[int, "Months paid and deemed so far."]
    months_missing: Annotated[int, "Months still missing; 0 where there are enough."]
    enough_in: Annotated[
        str | None, "The month with which there are enough, if each from this one on is paid."
    ]
    assumptions: Annotated[Named, "What this rests on, in the viewer's language."]


@dataclass(frozen=True, slots=True, kw_only=True)
class PensionRecord(InsuranceRecord):
    """Somebody's pension insurance."""

    deemed_months: Annotated[int, "Months worked before the insurance began, which count too."]
    retirement_category: Annotated[RetirementCategory, "What the retirement age depends on."]
    account: Annotated[PensionAccount, "The personal account."]
    transfers: Annotated[Sequence[PensionTransfer], "Transfers from other cities."]
    benefit: Annotated[PensionBenefit | None, "The pension, where there is one."]
    projection: Annotated[
        PensionProjection | None,
        "Months still missing for a pension; null where one is paid, or nothing is insured now.",
    ] = None


@dataclass(frozen=True, slots=True)
class _AgeRule:
    """The age of 2024, and how it rises: by a month every `step` months, at most by `most`."""

    years: int
    step: int
    most: int


AGE_RULES = {
    RetirementCategory.MALE: _AgeRule(60, 4, 36),
    RetirementCategory.FEMALE_CADRE: _AgeRule(55, 4, 36),
    RetirementCategory.FEMALE_WORKER: _AgeRule(50, 2, 60),
}
AGE_RISES_FROM = date(2025, 1, 1)
"""The Measures on Gradually Raising the Statutory Retirement Age (国务院关于渐进式延迟法定退休年龄
的办法, approved on 13 September 2024), article 1 and its tables."""

MONTHS_LEAST, MONTHS_MOST, MONTHS_A_YEAR, MONTHS_RISE_FROM = 180, 240, 6, 2030
"""The least months for a monthly pension (Social Insurance Law, article 16), and how they rise with
the year in which the age is reached: the same Measures, article 2."""


def retirement_month(born_on: date, category: RetirementCategory) -> date:
    """The first day of the month in which somebody reaches the statutory retirement age."""
    rule = AGE_RULES[category]
    before = add_months(born_on.replace(day=1), rule.years * 12)
    rising = months_between(AGE_RISES_FROM, before) // rule.step + 1
    return add_months(before, min(max(rising, 0), rule.most))


def months_required(retires_in: int) -> int:
    """The least months for a monthly pension of who reaches the age in that year."""
    years = max(0, retires_in - MONTHS_RISE_FROM + 1)
    return min(MONTHS_LEAST + MONTHS_A_YEAR * years, MONTHS_MOST)


def project(record: PensionRecord, born_on: date | None, today: date) -> PensionProjection | None:
    """The projection for a record; None for who draws a pension or is insured no more."""
    if born_on is None or record.benefit is not None or record.deceased_on:
        return None
    if not any(entry.state in INSURED for entry in record.enrolments):
        return None
    retires = retirement_month(born_on, record.retirement_category)
    required, counted = months_required(retires.year), record.paid_months + record.deemed_months
    missing = max(0, required - counted)
    return PensionProjection(
        retirement_month=f"{retires:%Y-%m}",
        months_required=required,
        months_counted=counted,
        months_missing=missing,
        enough_in=f"{add_months(today, missing - 1):%Y-%m}" if missing else None,
        assumptions=texts.ASSUMPTIONS,
    )
