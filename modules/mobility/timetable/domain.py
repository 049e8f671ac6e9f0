"""Stops, lines and news for riders, as clients see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from core.standards.coordinates import Place
from core.standards.gtfs.timetable import Timetable
from core.texts import Named


@dataclass(frozen=True, slots=True)
class TransitAlert:
    """Something that riders must know: a detour, a closed stop."""

    header: Annotated[Named, "What, in short."]
    text: Annotated[Named, "What, at length; perhaps empty."]
    effect: Annotated[str, 'What becomes of it, as GTFS-Realtime names it: "DETOUR".']


@dataclass(frozen=True, slots=True)
class TransitLine:
    """A line of buses or trains."""

    line_ref: Annotated[str, "The operator's id for it."]
    name: Annotated[str, "Its number or name, as the operator writes it."]
    agency: Annotated[str, "Who runs it; perhaps empty."]
    route_type: Annotated[int, "What runs on it, as GTFS numbers it: 1 metro, 3 bus."]
    color: Annotated[str, "Its colour, six hexadecimal digits, or empty."]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitStop(Place):
    """A stop or station."""

    stop_ref: Annotated[str, "The operator's id for it."]
    name: Annotated[str, "Its name, as the operator writes it."]
    platform: Annotated[str, "Which platform; perhaps empty."]
    lines: Annotated[Sequence[TransitLine], "What stops there."]


def lines_of(timetable: Timetable) -> Mapping[int, TransitLine]:
    """The lines of a timetable by the number of their route."""
    return {
        number: TransitLine(route.ref, route.short_name, route.agency, route.kind, route.color)
        for number, route in enumerate(timetable.routes)
    }
