"""Schedules of visits that several programmes have."""

from collections.abc import Sequence
from datetime import date, timedelta

from core.clock import add_months
from core.texts import Named
from modules.health.programmes.domain import Visit

_QUARTER = Named("季度随访", "Quarterly visit")
_WINDOW = timedelta(days=14)
AHEAD = timedelta(days=366)
"""So far ahead visits are planned."""


def quarterly(enrolled_on: date, today: date) -> Sequence[Visit]:
    """A visit every three months after an enrolment, up to a year from today: at least four a
    year, as 国家基本公共卫生服务规范(第三版) asks of both chronic programmes."""
    visits, number = [], 1
    while (due_on := add_months(enrolled_on, 3 * number)) <= today + AHEAD:
        visits.append(Visit(f"quarter-{number}", _QUARTER, due_on - _WINDOW, due_on))
        number += 1
    return visits


def not_over(visits: Sequence[Visit], enrolled_on: date) -> Sequence[Visit]:
    """The visits of a schedule that were not over when the person joined."""
    return [visit for visit in visits if visit.until_on >= enrolled_on]
