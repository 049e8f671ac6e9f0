"""Opening hours in OpenStreetMap's form, held against a city's calendar.

Read is what offices write: "Mo-Fr 09:00-12:00,13:00-17:00; Sa 09:00-12:00; PH off", "24/7". Of
several rules that name a day the last counts (https://wiki.openstreetmap.org/wiki/Key:opening_hours);
anything else is refused rather than guessed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from core.city import Calendar
from core.clock import SHANGHAI

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_HOLIDAY = "PH"
_MONDAY = 0
_DAY_MINUTES = 24 * 60
_AHEAD_DAYS = 15
"""Longer than any holiday with the weekends around it."""
_RULE = re.compile(r"(?P<days>[A-Z][A-Za-z,\- ]*?)?\s*(?P<times>off|closed|[0-9][0-9:,\- ]*)")
_SPAN = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Span:
    """From one minute of the day to another, which does not count."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class _Rule:
    days: frozenset[str]
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True, eq=False)
class OpeningHours:
    """Rules, the later before the earlier. Compared by identity: `parse_hours` makes each once."""

    rules: Sequence[_Rule]

    def on(self, day: date, calendar: Calendar) -> Sequence[Span]:
        """When it is open on a day.

        On a public holiday the rule for holidays counts, where there is one. A weekend day that is
        worked in exchange has Monday's hours: the calendar names no other weekday for it.
        """
        name = _DAYS[day.weekday()]
        if day in calendar.make_up_days:
            name = _DAYS[_MONDAY]
        elif calendar.is_holiday(day) and any(_HOLIDAY in rule.days for rule in self.rules):
            name = _HOLIDAY
        for rule in self.rules:
            if name in rule.days:
                return rule.spans
        return ()


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether something is open at a moment, and when that changes; None: not within two weeks."""

    is_open: bool
    changes_at: datetime | None
    is_provisional: bool
    """The calendar of a year that this rests on is still to be published."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """Usual hours, and the days that have others."""

    usual: OpeningHours
    exceptions: Mapping[date, OpeningHours]

    def at(self, moment: datetime, calendar: Calendar) -> Opening:
        """Whether it is open at a moment, and when that changes."""
        local = moment.astimezone(SHANGHAI).replace(second=0, microsecond=0)
        return _opening(self.usual, tuple(self.exceptions.items()), local, calendar)


@lru_cache(maxsize=1_024)
def _opening(
    usual: OpeningHours,
    exceptions: Sequence[tuple[date, OpeningHours]],
    local: datetime,
    calendar: Calendar,
) -> Opening:
    """What holds in a minute: offices that keep the same hours open and close together."""
    special = dict(exceptions)

    def on(day: date) -> Sequence[Span]:
        return special.get(day, usual).on(day, calendar)

    today, provisional = local.date(), False
    # minutes since the midnight before the day that is looked at; spans are whole minutes
    now = until = local.hour * 60 + local.minute
    is_open = any(span.begins <= now < span.ends for span in on(today))
    for ahead in range(_AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        provisional = provisional or calendar.is_provisional(day)
        for span in on(day):
            if is_open and span.begins <= until < span.ends:
                until = span.ends  # perhaps open on over midnight
            elif not is_open and span.begins > now:
                return Opening(False, _minute_of(day, span.begins), provisional)
        if is_open and until < _DAY_MINUTES:
            return Opening(True, _minute_of(day, until), provisional)
        now, until = now - _DAY_MINUTES, until - _DAY_MINUTES
    return Opening(is_open, None, provisional)


@lru_cache(maxsize=1_024)
def parse_hours(text: str) -> OpeningHours:
    """The opening hours of a text. Raises ValueError for a form that is not read here."""
    if text.strip() == "24/7":
        return OpeningHours((_Rule(frozenset(_DAYS), (Span(0, _DAY_MINUTES),)),))
    rules = [_rule(part.strip()) for part in text.split(";") if part.strip()]
    if not rules:
        raise ValueError("no opening hours")
    return OpeningHours(tuple(reversed(rules)))


def _minute_of(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(), SHANGHAI) + timedelta(minutes=minute)


def _rule(text: str) -> _Rule:
    found = _RULE.fullmatch(text)
    if found is None:
        raise ValueError("no rule of opening hours")
    days = frozenset(_days(found["days"])) if found["days"] else frozenset((*_DAYS,))
    if found["times"] in ("off", "closed"):
        return _Rule(days, ())
    spans = tuple(_span(part.strip()) for part in found["times"].split(","))
    if any(one.ends > other.begins for one, other in pairwise(spans)):
        raise ValueError("opening hours out of order")
    return _Rule(days, spans)


def _days(text: str) -> Iterator[str]:
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if part == _HOLIDAY:
            yield part
        elif first in _DAYS and (last in _DAYS or not last):
            begins, ends = _DAYS.index(first), _DAYS.index(last or first)
            yield from (_DAYS[n % 7] for n in range(begins, ends + (7 if ends < begins else 0) + 1))
        else:
            raise ValueError("no day of the week")


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("no span of hours")
    begins, ends = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
    if not 0 <= begins < ends <= _DAY_MINUTES or int(found[2]) > 59 or int(found[4]) > 59:
        raise ValueError("hours that cannot be")
    return Span(begins, ends)
