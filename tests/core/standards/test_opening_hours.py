"""Opening hours on weekdays, holidays and shifted workdays.

The days of 2026 are those of the State Council's notice (国办发明电〔2025〕7号, 2025-11-04), as the
city file has them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pytest

from core.city import Calendar, load_city
from core.clock import SHANGHAI
from core.standards.opening_hours import OpeningHours, Timetable, parse_hours

CITY = Path(__file__).parents[3] / "cities/jinan.toml"
HALL = "Mo-Fr 09:00-12:00,13:00-17:00; Sa 09:00-12:00; PH off"
NONE: Mapping[date, OpeningHours] = {}


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    """The city's calendar: 2026 is published, 2027 is not."""
    return load_city(CITY).calendar


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("moment", "is_open", "changes_at"),
    [
        ("2026-11-23T08:59", False, "2026-11-23T09:00"),
        ("2026-11-23T09:00", True, "2026-11-23T12:00"),
        ("2026-11-23T12:00", False, "2026-11-23T13:00"),
        ("2026-11-23T16:59", True, "2026-11-23T17:00"),
        ("2026-11-23T17:00", False, "2026-11-24T09:00"),
        ("2026-11-28T10:00", True, "2026-11-28T12:00"),  # a Saturday
        ("2026-11-28T12:00", False, "2026-11-30T09:00"),
        # National Day: 1 to 7 October are off, Saturday the 10th is worked
        ("2026-09-30T17:00", False, "2026-10-08T09:00"),
        ("2026-10-03T10:00", False, "2026-10-08T09:00"),
        ("2026-10-10T15:00", True, "2026-10-10T17:00"),
        # Spring Festival: 15 to 23 February are off, Saturdays the 14th and the 28th are worked
        ("2026-02-14T14:00", True, "2026-02-14T17:00"),
        ("2026-02-15T10:00", False, "2026-02-24T09:00"),
        # Sunday 20 September is worked for the Mid-Autumn Festival
        ("2026-09-20T10:00", True, "2026-09-20T12:00"),
    ],
)
def test_a_hall_keeps_the_calendar(
    calendar: Calendar, moment: str, is_open: bool, changes_at: str
) -> None:
    opening = Timetable(parse_hours(HALL), NONE).at(_at(moment), calendar)
    assert (opening.is_open, opening.changes_at) == (is_open, _at(changes_at))
    assert not opening.is_provisional


def test_a_year_without_a_calendar_is_provisional_and_no_error(calendar: Calendar) -> None:
    # liriansu-opus/chinese-calendar#77: a library that knows published years alone raises here
    table = Timetable(parse_hours(HALL), NONE)
    new_year = table.at(_at("2027-01-01T10:00"), calendar)
    assert (new_year.is_open, new_year.is_provisional) == (False, True)
    assert table.at(_at("2026-12-31T17:00"), calendar).is_provisional
    assert table.at(_at("2027-01-04T10:00"), calendar).is_open


def test_what_never_closes_does_not_change(calendar: Calendar) -> None:
    opening = Timetable(parse_hours("24/7"), NONE).at(_at("2026-10-01T03:00"), calendar)
    assert (opening.is_open, opening.changes_at) == (True, None)
    week = Timetable(parse_hours("Mo-Su 00:00-24:00; Su off"), NONE)
    assert week.at(_at("2026-11-27T03:00"), calendar).changes_at == _at("2026-11-29T00:00")


def test_a_day_may_have_other_hours(calendar: Calendar) -> None:
    closed = {
        date(2026, 11, 23): parse_hours("off"),
        date(2026, 11, 24): parse_hours("10:00-11:00"),
    }
    table = Timetable(parse_hours(HALL), closed)
    opening = table.at(_at("2026-11-23T10:00"), calendar)
    assert (opening.is_open, opening.changes_at) == (False, _at("2026-11-24T10:00"))
    assert table.at(_at("2026-11-24T12:00"), calendar).changes_at == _at("2026-11-25T09:00")


def test_offices_of_the_same_hours_share_what_holds_in_a_minute(calendar: Calendar) -> None:
    one, other = (Timetable(parse_hours(HALL), dict(NONE)) for _ in range(2))
    at = _at("2026-11-23T11:59")
    shared = one.at(at, calendar)
    assert other.at(at.replace(second=59), calendar) is shared
    assert other.at(_at("2026-11-23T12:00"), calendar) != shared
    closed = Timetable(parse_hours(HALL), {date(2026, 11, 23): parse_hours("off")})
    assert not closed.at(at, calendar).is_open


def test_what_never_opens_says_so(calendar: Calendar) -> None:
    opening = Timetable(parse_hours("off"), NONE).at(_at("2026-11-23T10:00"), calendar)
    assert (opening.is_open, opening.changes_at) == (False, None)


@pytest.mark.parametrize(
    ("text", "day", "hours"),
    [
        ("09:00-17:00", "2026-10-01", 8),  # no rule for holidays: the usual one
        ("Mo-Fr 09:00-17:00; PH 10:00-12:00", "2026-10-01", 2),
        ("Sa-Su,We 08:00-12:00", "2026-11-25", 4),
        ("Fr-Mo 08:00-12:00", "2026-11-24", 0),
        ("Fr-Mo 08:00-12:00", "2026-11-29", 4),
        ("Mo-Fr 09:00-17:00; We 09:00-12:00", "2026-11-25", 3),
    ],
)
def test_rules_are_read(calendar: Calendar, text: str, day: str, hours: int) -> None:
    spans = parse_hours(text).on(date.fromisoformat(day), calendar)
    assert sum(span.ends - span.begins for span in spans) == hours * 60


@pytest.mark.parametrize(
    "text",
    [
        *("", ";", "9-5", "Mo-Fr", "Mo-Xx 09:00-17:00", "09:00-25:00", "17:00-09:00"),
        *("22:00-02:00", "09:75-10:00", "Mo 13:00-17:00,09:00-12:00", "sunrise-sunset"),
        *("week 1-20 Mo 09:00-17:00", "Dec 25 off", '"by appointment"', "Mo-Fr 09:00+"),
    ],
)
def test_other_forms_are_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(ValueError):
        parse_hours(text)
