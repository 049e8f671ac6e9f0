"""What is the city's and not the code's, read from its file in `cities/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from core.texts import Named


class YearUnknown(LookupError):
    """The calendar of a year is not in the city file: nobody knows its holidays."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the city file has no calendar of {year}")
        self.year = year


@dataclass(frozen=True, slots=True)
class Calendar:
    """Public holidays and the weekend days worked in exchange, as the State Council sets them.

    It publishes a year's calendar late in the year before; `years` are those that are known.
    """

    holidays: frozenset[date]
    make_up_days: frozenset[date]
    years: frozenset[int]

    def require(self, day: date) -> None:
        """Raise YearUnknown for a day whose year is not known."""
        if day.year not in self.years:
            raise YearUnknown(day.year)

    def is_working_day(self, day: date) -> bool:
        """Whether offices work: Monday to Friday without holidays, and make-up days.

        Raises YearUnknown.
        """
        self.require(day)
        if day in self.make_up_days:
            return True
        return day.isoweekday() <= 5 and day not in self.holidays


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


class CityFileError(Exception):
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
        )
    except FileNotFoundError:
        raise CityFileError(f"no city file at {path}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CityFileError(f"{path}: {error}") from None


def _named(table: Mapping[str, Mapping[str, str]]) -> dict[str, Named]:
    return {key: Named(**names) for key, names in table.items()}


def _calendar(table: Mapping[str, Any]) -> Calendar:
    """Holidays are spans of a first and a last day, make-up days stand alone.

    A year is known when its New Year's Day is among them, which is always a holiday.
    """
    holidays = {
        first + timedelta(days=ahead)
        for first, last in table["holidays"]
        for ahead in range((last - first).days + 1)
    }
    years = frozenset(day.year for day in holidays if (day.month, day.day) == (1, 1))
    return Calendar(frozenset(holidays), frozenset(table["make_up_days"]), years)
