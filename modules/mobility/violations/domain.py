"""Violations, what is to be done about each, and the points on the licence.

Points by the Measures for Recording Points of Road Traffic Violations (Ministry of Public Security,
order 163 of 2021): 12 in each cycle of twelve months, counted from the day of the first licence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime

from core.people.file_link import FileLink
from core.texts import Named
from modules.mobility.fines.domain import FineStatus


class NextStep(StrEnum):
    """What there is to do about a violation. ACCEPT: accept it in `traffic-fine-payment`, then pay.
    PAY: pay it there. HEARING: it is decided at the office, nothing can be done here. NONE.
    """

    ACCEPT = "ACCEPT"
    PAY = "PAY"
    HEARING = "HEARING"
    NONE = "NONE"


_STEPS = {FineStatus.UNCONFIRMED: NextStep.ACCEPT, FineStatus.UNPAID: NextStep.PAY}


@dataclass(frozen=True, slots=True)
class TrafficViolation:
    """A violation of the viewer's car."""

    violation_no: Annotated[str, "The traffic police's number."]
    plate: Annotated[str, "The car."]
    committed_at: Annotated[AwareDatetime, "When it was committed."]
    place_zh: str
    place_en: str
    offence_zh: str
    offence_en: str
    points: Annotated[int, "Penalty points."]
    fine_fen: Annotated[int, "The fine, without surcharge."]
    status: Annotated[FineStatus, "What has become of it."]
    needs_hearing: bool
    evidence: Annotated[FileLink | None, "The camera's picture."] = None
    settle_link: Annotated[
        str | None, "Where in the app it can be accepted or paid; null where it cannot."
    ] = None

    @property
    def place(self) -> Annotated[Named, "Where."]:
        """In both languages."""
        return Named(self.place_zh, self.place_en)

    @property
    def offence(self) -> Annotated[Named, "What."]:
        """In both languages."""
        return Named(self.offence_zh, self.offence_en)

    @property
    def next_step(self) -> Annotated[NextStep, "What there is to do about it."]:
        """By its status; a hearing comes before everything."""
        step = _STEPS.get(self.status, NextStep.NONE)
        return NextStep.HEARING if self.needs_hearing and step is not NextStep.NONE else step

    @property
    def may_object(self) -> Annotated[bool, "Whether `openCase` takes an objection to it."]:
        """Once it is accepted it is a decision."""
        return self.status is FineStatus.UNCONFIRMED


@dataclass(frozen=True, slots=True)
class LicencePoints:
    """The points of this cycle on a driving licence."""

    cycle_begins_on: Annotated[date, "The first day of the cycle."]
    cycle_ends_on: Annotated[date, "The day on which the next begins, with no points."]
    points_used: Annotated[int, "Points given in it."]
    points_most: int

    @property
    def points_left(self) -> Annotated[int, "How many more may be given; at 0 one may not drive."]:
        """Never less than none."""
        return max(0, self.points_most - self.points_used)


@dataclass(frozen=True, slots=True)
class ViolationRecord:
    """The violations of somebody's car and the points on their licence."""

    unsettled: Annotated[Sequence[TrafficViolation], "What is to be dealt with, newest first."]
    settled: Annotated[Sequence[TrafficViolation], "What is paid or taken back, newest first."]
    unreadable: Annotated[int, "How many came in a form that cannot be read and are not shown."]
    licence: Annotated[LicencePoints | None, "The licence; null for who has none."]
    access_id: UUID
    """The access under which it was read, which links to pictures rest on."""

    @property
    def points_open(self) -> Annotated[int, "The points of what is still unsettled."]:
        """They are given once a violation is accepted."""
        open_ = (one for one in self.unsettled if one.status is FineStatus.UNCONFIRMED)
        return sum(violation.points for violation in open_)
