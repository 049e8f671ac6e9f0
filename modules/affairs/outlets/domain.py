"""An outlet of the administration: open or not at this moment, and who waits there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime

from core.city import Calendar
from core.clock import civil_date
from core.standards.coordinates import Place
from core.standards.opening_hours import Timetable, parse_hours
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

    def at_moment(self, now: datetime) -> "OutletQueue":
        """The same, as old as it is now."""
        age = now - self.observed_at
        age_s, is_current = max(0, int(age.total_seconds())), abs(age) <= CURRENT
        return replace(self, age_s=age_s, is_current=is_current)


@dataclass(frozen=True, slots=True)
class Closure:
    """A day with other hours than usual."""

    on: date
    opening_hours: str
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What the layer says of an outlet."""

    kind: OutletKind
    name_zh: str
    name_en: str
    address_zh: str
    phone: str
    opening_hours: str
    wheelchair: Wheelchair
    items: tuple[int, ...]
    closures: tuple[Closure, ...]
    queue: OutletQueue | None

    def timetable(self) -> Timetable | None:
        """None where hours are in no form that is read: nothing is said of open or closed then."""
        try:
            exceptions = {one.on: parse_hours(one.opening_hours) for one in self.closures}
            return Timetable(parse_hours(self.opening_hours), exceptions)
        except ValueError:
            return None


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
    is_open: Annotated[bool | None, "Whether it is open now; null: its hours are not known."]
    changes_at: Annotated[
        datetime | None, "When it closes, or opens again; null: not within two weeks, or not known."
    ]
    is_provisional: Annotated[bool, "Whether that may change: the holidays are not published yet."]
    closed_for: Annotated[Named | None, "Why it departs from its usual hours today."]
    appointment_link: Annotated[str | None, "Opens the appointment in the app."]
    takes: Annotated[Sequence[int], "The numbers of the items that it takes."]

    @property
    def item_count(self) -> Annotated[int, "How many items it takes; see serviceOutletItems."]:
        """Each counts once."""
        return len(set(self.takes))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOutlet(Place):
    """An outlet as the layer lists it, which holds at any moment."""

    outlet_ref: str
    said: Properties

    def at_moment(
        self, now: datetime, calendar: Calendar, metres: int | None, appointment: str
    ) -> Outlet:
        """The outlet with what holds now, so far from the point that was asked about.

        `appointment` is the link to where one is made, for those that take any.
        """
        said, timetable = self.said, self.said.timetable()
        opening = timetable.at(now, calendar) if timetable else None
        reasons = {one.on: Named(one.reason_zh, one.reason_en) for one in said.closures}
        return Outlet(
            at=self.at,
            distance_m=metres,
            outlet_ref=self.outlet_ref,
            name=Named(said.name_zh, said.name_en),
            kind=said.kind,
            address_zh=said.address_zh,
            phone=said.phone,
            wheelchair=said.wheelchair,
            opening_hours=said.opening_hours,
            queue=said.queue and said.queue.at_moment(now),
            is_open=opening.is_open if opening else None,
            changes_at=opening.changes_at if opening else None,
            is_provisional=opening is not None and opening.is_provisional,
            closed_for=reasons.get(civil_date(now)) if opening else None,
            appointment_link=appointment if said.kind is OutletKind.HALL else None,
            takes=said.items,
        )


def choose(
    outlets: Sequence[ListedOutlet], name: str, item_no: int | None
) -> Sequence[ListedOutlet]:
    """The outlets with a name, or a part of one, that take an item."""
    text = name.strip().casefold()
    return [
        outlet
        for outlet in outlets
        if (not text or text in f"{outlet.said.name_zh} {outlet.said.name_en}".casefold())
        and (item_no is None or item_no in outlet.said.items)
    ]
