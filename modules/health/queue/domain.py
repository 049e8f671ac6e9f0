"""A number in a hospital's queue, and how long it will take by what the room's last visits took."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime

from core.texts import Named

VISITS_LEAST = 5
"""Of fewer visits no time is estimated."""
_Z80 = 1.2816
"""The normal quantile of 90 %: four of five times the call falls between the two bounds."""


class QueueState(StrEnum):
    """Where a number stands. BOOKED: not checked in yet, so it is not called. WAITING. CALLED: go
    in now. MISSED: called without answer, see the desk. SEEN: the visit is over.
    """

    BOOKED = "BOOKED"
    WAITING = "WAITING"
    CALLED = "CALLED"
    MISSED = "MISSED"
    SEEN = "SEEN"


@dataclass(frozen=True, slots=True)
class QueueTicket:
    """A number in a queue as its hospital tells it. `recent_visits_s`: how long the room's last
    visits took, in seconds.
    """

    ticket_no: Annotated[str, "The hospital's number of the ticket."]
    number: Annotated[int, "The number that is called out."]
    department_zh: str
    department_en: str
    doctor: Annotated[str, "Whom it is for."]
    room: Annotated[str, "Where to wait."]
    state: Annotated[QueueState, "Where it stands."]
    ahead: Annotated[int | None, "How many are seen before; null when it is not waiting."]
    serving: Annotated[int, "The number that is being seen."]
    recent_visits_s: Sequence[int]
    as_of: AwareDatetime

    @property
    def department(self) -> Annotated[Named, "The department."]:
        """In both languages."""
        return Named(self.department_zh, self.department_en)

    @property
    def estimate(
        self,
    ) -> Annotated["CallEstimate | None", "When it is called; null where unknown."]:
        """By the room's last visits."""
        if self.state is not QueueState.WAITING or self.ahead is None:
            return None
        return estimate_call(self.as_of, self.ahead, self.recent_visits_s)

    @property
    def is_next(self) -> bool:
        """Whether nobody is before it any more."""
        return self.state is QueueState.CALLED or (
            self.state is QueueState.WAITING and self.ahead == 0
        )


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """When a number will be called: four of five times between the two bounds."""

    expected_at: Annotated[datetime, "The likeliest time."]
    earliest_at: Annotated[datetime, "Be there by then."]
    latest_at: Annotated[datetime, "It seldom takes longer."]


def estimate_call(now: datetime, ahead: int, visits_s: Sequence[int]) -> CallEstimate | None:
    """When the number behind `ahead` others is called, by how long visits in this room took.

    The sum of `ahead` whole visits and half of the one under way. Its variance is that of the
    visits themselves and that of their mean, which is known from these few alone. None where fewer
    than VISITS_LEAST are known.
    """
    count = len(visits_s)
    if count < VISITS_LEAST:
        return None
    mean_s = sum(visits_s) / count
    variance = sum((visit - mean_s) ** 2 for visit in visits_s) / (count - 1)
    visits = ahead + 0.5
    error_s = _Z80 * math.sqrt(visits * variance + visits**2 * variance / count)
    wait_s = visits * mean_s
    return CallEstimate(
        now + timedelta(seconds=round(wait_s)),
        now + timedelta(seconds=round(max(0.0, wait_s - error_s))),
        now + timedelta(seconds=round(wait_s + error_s)),
    )
