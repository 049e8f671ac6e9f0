"""When a resource is open: timetables over the city's calendar, and the slots that follow.

All clock times are Shanghai's, which has no daylight saving; a time with another zone is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from core.city import Calendar
from core.clock import SHANGHAI
from core.errors import InvalidInput
from core.texts import Text

HORIZON_DAYS_MAX = 90
CAPACITY_MAX = 10_000
EVERY_DAY = frozenset(range(1, 8))
SCHEDULE_INVALID = Text(
    "SCHEDULE_INVALID", "时间表无效:{detail}", "This timetable is not valid: {detail}"
)


class ScheduleInvalid(InvalidInput):
    """A timetable that contradicts itself, its neighbours or the calendar."""

    def __init__(self, detail: str) -> None:
        super().__init__(SCHEDULE_INVALID, "timetable", detail=detail)


@dataclass(frozen=True, slots=True)
class Timetable:
    """One opening of a resource: on which days, from when to when, in slots of what length.

    `weekdays` are ISO numbers, Monday is 1. A make-up working day counts as opening day where
    `on_make_up_days` says so, whatever its weekday; a public holiday only with `on_holidays`. What
    `closes_next_day` goes on to midnight or past it, in slots of the day on which it opens.
    """

    weekdays: frozenset[int]
    opens: time
    closes: time
    slot: timedelta
    capacity: int
    on_holidays: bool = False
    on_make_up_days: bool = True
    first_on: date | None = None
    last_on: date | None = None
    closes_next_day: bool = False

    @property
    def lasts(self) -> timedelta:
        """How long it is open."""
        days = timedelta(days=1 if self.closes_next_day else 0)
        return days + _offset(self.closes) - _offset(self.opens)


@dataclass(frozen=True, slots=True)
class ReleaseRule:
    """Slots of a day open for booking some days before, at a clock time to the second."""

    days_before: int
    at: time

    def moment(self, day: date) -> datetime:
        """When the slots of a day are released."""
        return _at(day - timedelta(days=self.days_before), self.at)


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot that a timetable asks for, in UTC."""

    starts_at: datetime
    ends_at: datetime
    capacity: int
    releases_at: datetime | None

    @property
    def ref(self) -> str:
        """Its name within its resource: two slots never start at the same time."""
        return self.starts_at.astimezone(SHANGHAI).strftime("%Y%m%dT%H%M%S")


def plan_slots(
    timetables: Sequence[Timetable],
    calendar: Calendar,
    *,
    first_on: date,
    days: int,
    release: ReleaseRule | None = None,
) -> list[PlannedSlot]:
    """The slots that start on some days, in order, those of an opening on the day before included.

    Raises ScheduleInvalid, also where two slots overlap.
    """
    if not 1 <= days <= HORIZON_DAYS_MAX:
        raise ScheduleInvalid(f"a horizon of {days} days")
    for timetable in timetables:
        _check(timetable)
    opened = (first_on + timedelta(days=ahead) for ahead in range(-1, days))
    begins, ends = (_at(first_on + timedelta(days=n), time.min) for n in (0, days))
    every = (slot for day in opened for t in timetables for slot in _day(t, calendar, day, release))
    slots = sorted(
        (slot for slot in every if begins <= slot.starts_at < ends),
        key=lambda slot: slot.starts_at,
    )
    for earlier, later in pairwise(slots):
        if later.starts_at < earlier.ends_at:
            raise ScheduleInvalid(f"slots overlap at {later.ref}")
    return slots


def is_open(timetable: Timetable, calendar: Calendar, day: date) -> bool:
    """Whether a timetable holds on a day; in a provisional year by the law's holidays alone."""
    if timetable.first_on is not None and day < timetable.first_on:
        return False
    if timetable.last_on is not None and day > timetable.last_on:
        return False
    if day in calendar.make_up_days and timetable.on_make_up_days:
        return True
    if calendar.is_holiday(day) and not timetable.on_holidays:
        return False
    return day.isoweekday() in timetable.weekdays


def _check(timetable: Timetable) -> None:
    opens, closes = timetable.opens, timetable.closes
    if opens.tzinfo is not None or closes.tzinfo is not None:
        raise ScheduleInvalid("clock times are Shanghai's and carry no zone")
    if not timetable.weekdays or not timetable.weekdays <= EVERY_DAY:
        raise ScheduleInvalid("weekdays are 1 to 7")
    if timetable.lasts <= timedelta(0):
        raise ScheduleInvalid("it closes before it opens")
    if timetable.lasts > timedelta(days=1):
        raise ScheduleInvalid("it is open for more than a day")
    if timetable.slot < timedelta(minutes=1):
        raise ScheduleInvalid("a slot lasts a minute at least")
    if timetable.lasts % timetable.slot:
        raise ScheduleInvalid("slots do not fill the opening hours")
    if not 1 <= timetable.capacity <= CAPACITY_MAX:
        raise ScheduleInvalid(f"a capacity is 1 to {CAPACITY_MAX}")
    if timetable.first_on and timetable.last_on and timetable.last_on < timetable.first_on:
        raise ScheduleInvalid("it ends before it begins")


def _day(
    timetable: Timetable, calendar: Calendar, day: date, release: ReleaseRule | None
) -> Iterator[PlannedSlot]:
    if not is_open(timetable, calendar, day):
        return
    starts_at = _at(day, timetable.opens)
    closes_at = starts_at + timetable.lasts
    releases_at = release.moment(day) if release else None
    while starts_at < closes_at:
        ends_at = starts_at + timetable.slot
        yield PlannedSlot(starts_at, ends_at, timetable.capacity, releases_at)
        starts_at = ends_at


def _at(day: date, clock_time: time) -> datetime:
    return datetime.combine(day, clock_time, SHANGHAI).astimezone(UTC)


def _offset(clock_time: time) -> timedelta:
    return timedelta(hours=clock_time.hour, minutes=clock_time.minute, seconds=clock_time.second)
