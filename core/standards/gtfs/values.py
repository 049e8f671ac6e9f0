"""How GTFS writes days and times."""

import re
from datetime import date

_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


def parse_time(text: str) -> int:
    """Seconds of "9:05:00" or "25:30:00". Raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"no time: {text[:20]!r}")
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def parse_date(text: str) -> date:
    """The day of "20261128". Raises ValueError."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"no date: {text[:20]!r}")
    return date(*map(int, found.groups()))
