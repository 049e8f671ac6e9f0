"""Enrolments, paid months and their gaps, contributions: alike in all five insurances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, StringConstraints

Month: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class EnrolmentState(StrEnum):
    """The state of an enrolment. ACTIVE: it is paid for, or holds in retirement. PAUSED: nothing is
    paid now. TRANSFERRED_OUT: its months have gone to another city. CLOSED: it has ended.
    DECEASED: it ended with the person's death.
    """

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    TRANSFERRED_OUT = "TRANSFERRED_OUT"
    CLOSED = "CLOSED"
    DECEASED = "DECEASED"


INSURED = frozenset({EnrolmentState.ACTIVE, EnrolmentState.PAUSED})
"""The enrolments that may still be paid for."""


class EnrolmentReason(StrEnum):
    """Why an enrolment has its state. LEFT_EMPLOYER; TRANSFERRING: to another city, not done yet.
    TRANSFERRED; CHANGED_EMPLOYER; RETIRED; SETTLED_ABROAD; DECEASED.
    """

    LEFT_EMPLOYER = "LEFT_EMPLOYER"
    TRANSFERRING = "TRANSFERRING"
    TRANSFERRED = "TRANSFERRED"
    CHANGED_EMPLOYER = "CHANGED_EMPLOYER"
    RETIRED = "RETIRED"
    SETTLED_ABROAD = "SETTLED_ABROAD"
    DECEASED = "DECEASED"


class EnrolmentKind(StrEnum):
    """As what somebody is enrolled. EMPLOYEE; CIVIL_SERVICE; FLEXIBLE: work of one's own.
    PART_TIME: a second employer (work injury only). RESIDENT: without work (medical only).
    """

    EMPLOYEE = "EMPLOYEE"
    CIVIL_SERVICE = "CIVIL_SERVICE"
    FLEXIBLE = "FLEXIBLE"
    PART_TIME = "PART_TIME"
    RESIDENT = "RESIDENT"


class GapReason(StrEnum):
    """Why months are not paid. NOT_EMPLOYED: nobody had to. ARREARS: the employer owes them."""

    NOT_EMPLOYED = "NOT_EMPLOYED"
    ARREARS = "ARREARS"


class ContributionState(StrEnum):
    """How far a contribution has come. PAID: in time. MADE_UP: paid late. UNPAID: owed."""

    PAID = "PAID"
    MADE_UP = "MADE_UP"
    UNPAID = "UNPAID"


@dataclass(frozen=True, slots=True)
class InsuredPerson:
    """Whose record it is, as the core system has it."""

    name: Annotated[str, "The name as the core system writes it, perhaps with another middle dot."]
    resident_id: str | None = None
    """18 digits, or the 15 of the time before 1999; None where it is filed by another document."""
    document_type: str | None = None
    document_no: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Insured by one employer in one place."""

    enrolment_no: Annotated[str, "Its number."]
    employer_zh: Annotated[str | None, "The employer; null for who is enrolled without one."]
    employer_code: Annotated[str | None, "The employer's unified social credit code."]
    place_code: Annotated[str, "The place's administrative division code."]
    place_zh: Annotated[str, "The place."]
    kind: Annotated[EnrolmentKind, "As what the person is enrolled."]
    state: Annotated[EnrolmentState, "Its state."]
    reason: Annotated[EnrolmentReason | None, "Why it has this state; null for plainly active."]
    since: Annotated[date, "Its first day."]
    until: Annotated[date | None, "Its last day, where it has ended."]
    paid_months: Annotated[int, "Months paid through this enrolment."]
    base_fen: Annotated[int | None, "The monthly base that contributions are reckoned from."]


@dataclass(frozen=True, slots=True)
class ContributionGap:
    """Months in a row without a paid contribution."""

    from_month: Annotated[Month, 'The first of them, "YYYY-MM".']
    to_month: Annotated[Month, 'The last of them, "YYYY-MM".']
    months: Annotated[int, "How many they are."]
    reason: Annotated[GapReason, "Why they are not paid."]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsuranceRecord:
    """What every one of the five insurances says of a person."""

    holder: Annotated[InsuredPerson, "Whose record it is."]
    enrolments: Annotated[Sequence[Enrolment], "One for each employer and place, newest first."]
    paid_months: Annotated[int, "Months paid that count in this city, each once."]
    gaps: Annotated[Sequence[ContributionGap], "Months not paid since the first paid one."]
    deceased_on: Annotated[date | None, "The day of death, where the insurance knows of one."]
    as_of: Annotated[AwareDatetime, "As of when the core system says all this."]


@dataclass(frozen=True, slots=True)
class InsuranceContribution:
    """What was paid, or is owed, for one month of one enrolment."""

    record_no: Annotated[str, "Its number."]
    month: Annotated[Month, 'The month it is for, "YYYY-MM"; of a resident\'s year, the first.']
    enrolment_no: Annotated[str, "The enrolment's number."]
    employer_zh: Annotated[str | None, "The employer, where there is one."]
    place_zh: Annotated[str, "The place."]
    base_fen: Annotated[int | None, "The base it is reckoned from."]
    employer_fen: Annotated[int, "The employer's part; of a resident, what the state adds."]
    personal_fen: Annotated[int, "The person's own part."]
    state: Annotated[ContributionState, "How far it has come."]
    paid_on: Annotated[date | None, "When it was paid; null while it is owed."]


class MovementKind(StrEnum):
    """What moved money on a personal account. CONTRIBUTION; TRANSFER_IN: from another city.
    INTEREST; PENSION: paid out monthly. PAYOUT: the rest, at the end. OPENING_BALANCE; ALLOTMENT:
    what the retired get. SPENDING: at a hospital or pharmacy.
    """

    CONTRIBUTION = "CONTRIBUTION"
    TRANSFER_IN = "TRANSFER_IN"
    INTEREST = "INTEREST"
    PENSION = "PENSION"
    PAYOUT = "PAYOUT"
    OPENING_BALANCE = "OPENING_BALANCE"
    ALLOTMENT = "ALLOTMENT"
    SPENDING = "SPENDING"


@dataclass(frozen=True, slots=True)
class InsuranceAccountMovement:
    """What came into a personal account, or went out of it."""

    record_no: Annotated[str, "Its number."]
    on: Annotated[date, "The day."]
    kind: Annotated[MovementKind, "What moved the money."]
    amount_fen: Annotated[int, "How much; negative where it went out."]
    balance_fen: Annotated[int, "What the account held afterwards."]


def is_about(holder: InsuredPerson, person: Mapping[str, str]) -> bool:
    """Whether a record is that of a person, by the members of the body that named them.

    The document alone decides: core systems write names in several ways. An ID number of 15 digits
    lacks the century of the birth year and the check digit.
    """
    if holder.resident_id is None:
        answered = holder.document_type, (holder.document_no or "").upper()
        return answered == (person["document_type"], person["document_no"])
    number = person["document_no"]
    return holder.resident_id.upper() in (number, number[:6] + number[8:17])
