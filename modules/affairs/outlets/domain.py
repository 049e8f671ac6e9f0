"""An outlet of the administration: open or not at this moment, and who waits there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime

from core.city import Calendar
from core.clock import civil_date
from core.standards.coordinates import Place
from core.standards.opening_hours import Timetable
from core.texts import Named

CURRENT = timedelta(minutes=15)
"""A count of who waits that is older says nothing of now."""


class OutletKind(StrEnum):
    """HALL: a centre with many counters. STREET_CENTRE: near home. SELF_SERVICE: machines."""

    HALL = "HALL"
    STREET_CENTRE = "STREET_CENTRE"
    SELF_SERVICE = "SELF_SERVICE"


class Wheelchair(StrEnum):
    """Whether a wheelchair gets in. YES; LIMITED: to some of it. NO."""

    YES = "yes"
    LIMITED = "limited"
    NO = "no"


@dataclass(frozen=True, slots=True)
class OutletQueue:
    """Who waits, as it was counted last."""

    waiting: Annotated[int, "How many people wait."]
    counters_open: Annotated[int, "How many counters serve."]
    wait_minutes: Annotated[int | None, "How long the next one waits; null: not known."]
    observed_at: Annotated[AwareDatetime, "When that was counted."]
    age_s: Annotated[int, "How long ago that was, in seconds."] = 0
    is_current: Annotated[bool, "Whether it still says something of now: up to 15 minutes."] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet(Place):
    """A place where matters are dealt with."""

    outlet_ref: Annotated[str, "Its lasting id."]
    name: Annotated[Named, "Its name."]
    kind: Annotated[OutletKind, "What it is."]
    address_zh: Annotated[str, "Where it is."]
    phone: Annotated[str, "The telephone number."]
    wheelchair: Annotated[Wheelchair, "Whether a wheelchair gets in."]
    opening_hours: Annotated[str, "The usual hours, in OpenStreetMap's form; PH: holidays."]
    queue: Annotated[OutletQueue | None, "Who waits; null where nobody draws a number."]
    is_open: Annotated[bool | None, "Whether it is open now; null: its hours are not known."] = None
    changes_at: Annotated[
        datetime | None, "When it closes, or opens again; null: not within two weeks, or not known."
    ] = None
    is_provisional: Annotated[
        bool, "Whether that may change: the holidays are not published yet."
    ] = False
    closed_for: Annotated[Named | None, "Why it departs from its usual hours today."] = None
    appointment_link: Annotated[str | None, "Opens the appointment in the app."] = None
    takes: Annotated[Sequence[int], "The numbers of the items that it takes."]
    timetable: Timetable | None
    reasons: Mapping[date, Named]

    @property
    def item_count(self) -> Annotated[int, "How many items it takes; see serviceOutletItems."]:
        """Each counts once."""
        return len(set(self.takes))

    def at_moment(self, now: datetime, calendar: Calendar, metres: int | None) -> "Outlet":
        """The outlet with what holds now, so far from the point that was asked about."""
        queue = self.queue
        if queue is not None:
            age = now - queue.observed_at
            age_s, is_current = max(0, int(age.total_seconds())), abs(age) <= CURRENT
            queue = replace(queue, age_s=age_s, is_current=is_current)
        here = replace(self, distance_m=metres, queue=queue)
        if self.timetable is None:
            return here
        opening = self.timetable.at(now, calendar)
        return replace(
            here,
            is_open=opening.is_open,
            changes_at=opening.changes_at,
            is_provisional=opening.is_provisional,
            closed_for=self.reasons.get(civil_date(now)),
        )


def choose(outlets: Sequence[Outlet], name: str, item_no: int | None) -> Sequence[Outlet]:
    """The outlets with a name, or a part of one, that take an item."""
    text = name.strip().casefold()
    return [
        outlet
        for outlet in outlets
        if text in f"{outlet.name.zh} {outlet.name.en}".casefold()
        and (item_no is None or item_no in outlet.takes)
    ]
