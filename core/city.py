"""What is the city's and not the code's, read from its file in `cities/`."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import StartError
from core.holidays import statutory_holidays
from core.texts import Named

_PUBLISHED_BY_MONTH = 12
_FRIDAY = 5
_DAY = timedelta(days=1)
_NEW_YEAR_REACHES = timedelta(days=7)
"""So far before New Year lie at most the days off for it, and the weekend worked in exchange."""
_TERMS_KNOWN = 4_096
"""Of one day many cases have the same terms."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Public holidays and the weekend days worked in exchange, as the State Council sets them.

    It publishes a year's calendar in the November before; `years` are those in the city file. Of
    every other year only the holidays that the law fixes are known: it is provisional. The last
    days of a year are named with the next (国办发明电〔2018〕15号: 31 December 2018 was off).
    """

    holidays: frozenset[date]
    make_up_days: frozenset[date]
    years: frozenset[int]

    def is_provisional(self, day: date) -> bool:
        """Whether a calendar that may name the day is still to be published: that of its year, and
        before New Year that of the next."""
        return not {day.year, (day + _NEW_YEAR_REACHES).year} <= self.years

    def is_holiday(self, day: date) -> bool:
        """Whether a day is off for everybody; in a provisional year by the law alone."""
        if day in self.holidays:
            return True
        return day.year not in self.years and day in statutory_holidays(day.year)

    def is_working_day(self, day: date) -> bool:
        """Whether offices work: on weekdays but holidays, and on days worked in exchange."""
        if day in self.make_up_days:
            return True
        return day.isoweekday() <= _FRIDAY and not self.is_holiday(day)

    def add_working_days(self, day: date, count: int) -> date:
        """The last day of a term of working days that begins on `day`, which does not count.

        A term of none ends on `day` itself, or on the first working day after it.
        """
        return _term_end(self, day, count)

    def working_days_before(self, day: date, count: int) -> date:
        """The working day so many working days before `day`."""
        return _term_start(self, day, count)

    def count_working_days(self, after: date, until: date) -> int:
        """How many working days lie after a day, up to and with another; 0 where it is no later."""
        return _working_days(self, after, until)

    def overdue_years(self, today: date) -> list[int]:
        """The years whose calendar an operator should have entered by now.

        From 1 December on the next year is among them.
        """
        wanted = [today.year] if today.month < _PUBLISHED_BY_MONTH else [today.year, today.year + 1]
        return [year for year in wanted if year not in self.years]


@lru_cache(_TERMS_KNOWN)
def _term_end(calendar: Calendar, day: date, count: int) -> date:
    while count > 0 or not calendar.is_working_day(day):
        day += _DAY
        count -= calendar.is_working_day(day)
    return day


@lru_cache(_TERMS_KNOWN)
def _term_start(calendar: Calendar, day: date, count: int) -> date:
    while count > 0:
        day -= _DAY
        count -= calendar.is_working_day(day)
    return day


@lru_cache(_TERMS_KNOWN)
def _working_days(calendar: Calendar, after: date, until: date) -> int:
    days = (after + _DAY * ahead for ahead in range(1, (until - after).days + 1))
    return sum(calendar.is_working_day(day) for day in days)


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """Where a city ends. Compared by identity: what is kept by it need not walk the ring."""

    ring: Sequence[tuple[float, float]]
    """Latitude and longitude, WGS 84, with the whole city and little more within."""


@dataclass(frozen=True, slots=True)
class City:
    """A city's own facts. `slug` marks its tokens, `division_code` is its six-digit GB/T 2260.

    `deep_link` opens a service in the app: an address with `{id}` in it.
    """

    slug: str
    division_code: str
    name: Named
    app_name: Named
    deep_link: str
    themes: Mapping[str, Named]
    departments: Mapping[str, Named]
    districts: Mapping[str, Named]
    calendar: Calendar
    boundary: Boundary
    rates: Mapping[str, Sequence[tuple[date, int]]]
    """Published rates by name: (from which day, basis points a year), oldest first."""

    def rate_bps(self, name: str, on: date) -> int:
        """A published rate on a day, in basis points a year.

        Raises CityFileError where the table does not reach back so far or has no such rate.
        """
        known = [bps for start, bps in self.rates.get(name, ()) if start <= on]
        if not known:
            raise CityFileError(f"the city file holds no rate {name!r} for {on}")
        return known[-1]


class CityFileError(StartError):
    """The city file is missing or incomplete; the message is one line for the operator."""


def load_city(path: Path) -> City:
    """Read a city file. Raises CityFileError naming what is missing."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return City(
            slug=data["slug"],
            division_code=data["division_code"],
            name=Named(**data["name"]),
            app_name=Named(**data["app_name"]),
            deep_link=data["deep_link"],
            themes=_named(data["themes"]),
            departments=_named(data["departments"]),
            districts=_named(data["districts"]),
            calendar=_calendar(data["calendar"]),
            boundary=Boundary(_ring(data["boundary"]["ring"])),
            rates=_rates(data.get("rates", [])),
        )
    except FileNotFoundError:
        raise CityFileError(f"no city file at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def _named(table: Mapping[str, Mapping[str, str]]) -> dict[str, Named]:
    return {key: Named(**names) for key, names in table.items()}


def _ring(points: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """At least three corners, each a latitude before a longitude."""
    ring = tuple((float(lat), float(lon)) for lat, lon in points)
    if len(ring) < 3 or not all(-90 <= lat <= 90 and -180 <= lon <= 180 for lat, lon in ring):
        raise ValueError("the boundary is a ring of at least three [latitude, longitude]")
    return ring


def _calendar(entries: Sequence[Mapping[str, Any]]) -> Calendar:
    """One entry per published year. Holidays are spans of a first and a last day, make-up days
    stand alone; some of either may lie in the December before."""
    years = [int(entry["year"]) for entry in entries]
    if len(set(years)) != len(years):
        raise ValueError("a calendar of one year stands there twice")
    holidays = {
        first + timedelta(days=ahead)
        for entry in entries
        for first, last in entry["holidays"]
        for ahead in range((last - first).days + 1)
    }
    make_up_days = {day for entry in entries for day in entry["make_up_days"]}
    return Calendar(frozenset(holidays), frozenset(make_up_days), frozenset(years))


def _rates(entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[tuple[date, int], ...]]:
    """One entry per publication; two of one rate may not start on one day."""
    found: dict[str, dict[date, int]] = {}
    for entry in entries:
        days = found.setdefault(str(entry["name"]), {})
        if entry["from"] in days:
            raise ValueError(f"rate {entry['name']} stands twice for {entry['from']}")
        days[entry["from"]] = int(entry["bps"])
    return {name: tuple(sorted(days.items())) for name, days in found.items()}
