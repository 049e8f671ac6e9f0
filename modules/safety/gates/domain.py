"""Readings of school gates: which are repeats, which come late, and whom silence concerns."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

SERVICE = "school-entry-push"

REPEAT = timedelta(minutes=5)
"""A pupil read again in the same direction within this time, with nothing between, came once."""
LATE = timedelta(minutes=10)
"""What took longer to reach us is told as late news."""
AHEAD_MAX = timedelta(minutes=2)
"""How far a reading may lie in the future once the clock is put right."""
OLDEST = timedelta(days=7)
"""What is older is refused: rows by which duplicates are known are kept longer than this."""
KEPT = timedelta(days=30)
SKEW_TRUSTED = timedelta(minutes=2)
"""A gate's clock that differs by no more is taken as right: the journey of the batch is in it."""
SKEW_MAX = timedelta(hours=24)
HEARD = timedelta(minutes=15)
"""A gate that has said nothing for so long is silent itself: nothing is known of its pupils."""


class Direction(StrEnum):
    """Which way somebody went through a gate. IN: into the school. OUT: out of it."""

    IN = "IN"
    OUT = "OUT"


class Fault(StrEnum):
    """Why a single reading is refused; others of its batch are taken."""

    FUTURE = "FUTURE"
    TOO_OLD = "TOO_OLD"
    EVENT_REUSED = "EVENT_REUSED"
    """Its id stands for another reading already."""


class AlarmKind(StrEnum):
    """What a silence alarm says. ABSENT: the child has not arrived. SCHOOL_SILENT: the school's
    gates say nothing, so that nobody knows. HOURS_UNKNOWN: what the registry has of the school
    cannot be read, so that nobody knows.
    """

    ABSENT = "ABSENT"
    SCHOOL_SILENT = "SCHOOL_SILENT"
    HOURS_UNKNOWN = "HOURS_UNKNOWN"


@dataclass(frozen=True, slots=True)
class GateReading:
    """A pupil at a gate, as the gate says it; `at` is the gate's clock."""

    event_ref: str
    pupil_ref: str
    gate_ref: str
    direction: Direction
    at: datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """A reading with its time put right. It is told unless it `is_repeat`."""

    reading: GateReading
    occurred_at: datetime
    is_late: bool
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading that is stored already."""

    pupil_ref: str
    direction: Direction
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class GateEvent:
    """A child at a school's gate."""

    direction: Annotated[Direction, "Which way."]
    occurred_at: Annotated[datetime, "When, the gate's clock put right."]
    gate_ref: Annotated[str, "Which gate."]
    is_late: Annotated[bool, "Whether the news of it came late."]


@dataclass(frozen=True, slots=True)
class SilenceAlarm:
    """That a child had not arrived by the school's time and no leave was filed."""

    kind: Annotated[AlarmKind, "What is known."]
    raised_at: Annotated[datetime, "When it was raised."]
    withdrawn_at: Annotated[datetime | None, "When it turned out to be unfounded."]


def clock_error(created_at: datetime, now: datetime) -> timedelta:
    """By how much a gate's clock is ahead, zero where a journey explains the difference.

    `created_at` is what it showed when the batch was sent. Raises ValueError above a day: such a
    clock is set wrong and nothing can be made of its times.
    """
    error = created_at - now
    if abs(error) > SKEW_MAX:
        raise ValueError("the gate's clock is wrong by more than a day")
    return error if abs(error) > SKEW_TRUSTED else timedelta(0)


def fault_of(occurred_at: datetime, now: datetime) -> Fault | None:
    """Why a reading of this moment cannot be."""
    if occurred_at > now + AHEAD_MAX:
        return Fault.FUTURE
    return Fault.TOO_OLD if occurred_at < now - OLDEST else None


def passages(
    readings: Iterable[tuple[GateReading, datetime]], seen: Iterable[Seen], now: datetime
) -> Sequence[Passage]:
    """New readings with the moments at which they occurred, told apart from repeats.

    `seen` are the stored ones of the same pupils, as far as they may matter. The order of the
    gates' time decides, not that of arrival: what arrives after something later is late.
    """
    kept: dict[str, list[Seen]] = defaultdict(list)
    for one in sorted(seen, key=lambda one: one.occurred_at):
        kept[one.pupil_ref].append(one)
    found = []
    for reading, occurred_at in sorted(readings, key=lambda pair: (pair[1], pair[0].event_ref)):
        mine = kept[reading.pupil_ref]
        place = bisect(mine, occurred_at, key=lambda one: one.occurred_at)
        repeats = any(
            one.direction is reading.direction and abs(one.occurred_at - occurred_at) <= REPEAT
            for one in mine[max(0, place - 1) : place + 1]
        )
        is_late = place < len(mine) or now - occurred_at > LATE
        found.append(Passage(reading, occurred_at, is_late, repeats))
        mine.insert(place, Seen(reading.pupil_ref, reading.direction, occurred_at))
    return found
