"""On which days services run: `calendar.txt` and `calendar_dates.txt`, or one of them alone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from core.standards.gtfs.faults import Faults
from core.standards.gtfs.tables import Table
from core.standards.gtfs.timetable import Calendar
from core.standards.gtfs.values import parse_date

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ADDED, _REMOVED = 1, 2


def read_calendars(tables: Mapping[str, Table], faults: Faults) -> list[Calendar]:
    """Every service with the days on which it runs."""
    found: dict[str, Calendar] = {}
    if table := tables.get("calendar.txt"):
        _read_weeks(table, found, faults)
    if table := tables.get("calendar_dates.txt"):
        _read_exceptions(table, found, faults)
    return list(found.values())


def _read_weeks(table: Table, found: dict[str, Calendar], faults: Faults) -> None:
    refs = table.texts("service_id")
    days = [table.integers(day, 0, most=1) for day in _DAYS]
    first = table.parsed("start_date", parse_date, None, object, "invalid_date")
    last = table.parsed("end_date", parse_date, None, object, "invalid_date")
    for row, ref in enumerate(refs):
        if ref in found:
            faults.add("duplicate_key", table.name, [ref])
        elif first[row] is None or last[row] is None:
            faults.add("missing_required_field", table.name, [ref])
            found[ref] = Calendar(ref)
        elif first[row] > last[row]:
            faults.add("start_and_end_range_out_of_order", table.name, [ref])
            found[ref] = Calendar(ref)
        else:
            weekdays = tuple(bool(day[row]) for day in days)
            found[ref] = Calendar(ref, weekdays, first[row], last[row])


def _read_exceptions(table: Table, found: dict[str, Calendar], faults: Faults) -> None:
    refs = table.texts("service_id")
    days = table.parsed("date", parse_date, None, object, "invalid_date")
    kinds = table.integers("exception_type", 0, least=1, most=2)
    added: dict[str, set[date]] = {}
    removed: dict[str, set[date]] = {}
    for row in np.flatnonzero(kinds > 0):
        if days[row] is not None:
            sets = added if kinds[row] == _ADDED else removed
            sets.setdefault(refs[row], set()).add(days[row])
    for ref in dict.fromkeys(refs):
        calendar = found.get(ref, Calendar(ref))
        found[ref] = replace(
            calendar,
            added=frozenset(added.get(ref, ())),
            removed=frozenset(removed.get(ref, ())),
        )
