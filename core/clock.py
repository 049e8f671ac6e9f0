"""Time as a dependency: a Clock is passed in, so tests can move it; nobody else asks the system.

`*_at` values are aware UTC datetimes, `*_on` values are civil dates of the city's time zone.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""China's one civil time zone: UTC+8, without daylight saving since 1991."""

FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2199, 12, 31)
"""The dates that are taken from outside: what is added to one of them stays within the range of
Python and of PostgreSQL, wherever and whenever it is added."""

_TOLERANCE = timedelta(seconds=0.1)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


def _machine_time() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one place that may ask


class SystemClock:
    """The machine's clock, put right by the database's; in development perhaps moved by `offset`.

    Two machines' clocks differ, and what one writes down as due another must not think early: so
    every process goes by the one clock that all of them can read. Between two readings it counts
    monotonic seconds: a machine whose clock is set meanwhile changes nothing.
    """

    def __init__(
        self,
        offset: timedelta = timedelta(0),
        machine_time: Callable[[], datetime] = _machine_time,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._offset = offset
        self._machine_time = machine_time
        self._monotonic = monotonic
        self._set(machine_time())

    @property
    def correction(self) -> timedelta:
        """By how much the machine's clock is put right."""
        return self._true_time() - self._machine_time()

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self._true_time() + self._offset

    def follow(self, moment: datetime, round_trip_s: float) -> bool:
        """Go by a clock whose answer, `moment`, has just come and took so long altogether.

        A difference that the journey, or a tenth of a second, explains changes nothing. Returns
        whether this clock was changed.
        """
        elapsed = timedelta(seconds=round_trip_s / 2)
        true = ensure_utc(moment) + elapsed
        if abs(true - self._true_time()) <= elapsed + _TOLERANCE:
            return False
        self._set(true)
        return True

    def _true_time(self) -> datetime:
        return self._set_to + timedelta(seconds=self._monotonic() - self._set_at_s)

    def _set(self, moment: datetime) -> None:
        self._set_to, self._set_at_s = moment, self._monotonic()


class ManualClock:
    """A clock that stands still until it is moved; for tests and simulations."""

    def __init__(self, now: datetime) -> None:
        self._now = ensure_utc(now)

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self._now

    def move(self, step: timedelta) -> None:
        """Advance (or turn back) by a step."""
        self._now += step


def ensure_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError for a naive datetime: its zone is a guess."""
    if moment.tzinfo is None:
        raise ValueError("naive datetime: a time needs its zone")
    return moment.astimezone(UTC)


def civil_date(moment: datetime) -> date:
    """The Shanghai calendar date at a moment."""
    return ensure_utc(moment).astimezone(SHANGHAI).date()


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where there is no such day.

    Civil Code, article 202.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def civil_time(moment: datetime) -> str:
    """The Shanghai date and time at a moment, "2026-11-28 08:00:00"."""
    return f"{ensure_utc(moment).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def months_between(start: date, end: date) -> int:
    """How many calendar months lie from the month of one day to that of another; negative where
    the other is earlier."""
    return (end.year - start.year) * 12 + end.month - start.month


def start_of_day(day: date) -> datetime:
    """The moment a civil day begins, aware UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def parse_date(text: str) -> date:
    """A date that somebody sent, as YYYY-MM-DD. Raises ValueError for any other form or range."""
    if _DATE.fullmatch(text) is None:
        raise ValueError("a date is YYYY-MM-DD")
    parsed = date.fromisoformat(text)
    if not FIRST_DATE <= parsed <= LAST_DATE:
        raise ValueError(f"a date is between {FIRST_DATE} and {LAST_DATE}")
    return parsed


def parse_moment(text: str) -> datetime:
    """A moment that somebody sent, ISO 8601 with its zone, in UTC.

    Raises ValueError for one without a zone, or out of the range of dates.
    """
    parsed = datetime.fromisoformat(text)
    if not FIRST_DATE < parsed.date() < LAST_DATE:  # the zone moves it by a day at most
        raise ValueError(f"a moment is between {FIRST_DATE} and {LAST_DATE}")
    return ensure_utc(parsed)
