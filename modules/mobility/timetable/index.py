"""Stops and lines of the timetable of now, and how they are found."""

import numpy as np

from core.context.app import App
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.distances import metres
from core.standards.gtfs.timetable import STATION, Timetable
from core.texts import Named
from modules.mobility.timetable.domain import TransitAlert, TransitStop, lines_of
from modules.mobility.timetable.network import Transit

STOPS_MAX = 30
"""So many stops are shown around a place."""


class Index:
    """What is looked up in a timetable again and again."""

    def __init__(self, timetable: Timetable) -> None:
        self.timetable = timetable
        self.lines = lines_of(timetable)
        self._lat = np.array([stop.lat for stop in timetable.stops])
        self._lon = np.array([stop.lon for stop in timetable.stops])
        rows_route = np.repeat(timetable.trips.route, np.diff(timetable.trips.first_row))
        count = max(1, len(timetable.routes))
        pairs = np.unique(timetable.times.stop.astype(np.int64) * count + rows_route)
        self._routes_at: dict[int, list[int]] = {}
        for pair in pairs.tolist():
            self._routes_at.setdefault(pair // count, []).append(pair % count)
        self._is_served = np.array(
            [
                stop.location_type in (0, STATION)
                and stop.parent < 0
                and bool(self._routes(number))
                for number, stop in enumerate(timetable.stops)
            ]
        )

    def _routes(self, number: int) -> set[int]:
        """The lines that stop at a stop or station."""
        stops = self.timetable.boardable(number)
        return {route for one in stops for route in self._routes_at.get(one, ())}

    def stop(self, number: int, distance_m: int | None = None) -> TransitStop:
        """A stop or station with its lines."""
        stop = self.timetable.stops[number]
        return TransitStop(
            at=GeoPoint(stop.lat, stop.lon),
            distance_m=distance_m,
            stop_ref=stop.ref,
            name=stop.name,
            platform=stop.platform,
            lines=[self.lines[route] for route in sorted(self._routes(number))],
        )

    def near(self, here: GeoPoint, radius_m: int, most: int) -> list[tuple[int, int]]:
        """Stops and stations with service around a place, with their distances, nearest first."""
        away = metres(here.lat, here.lon, self._lat, self._lon)
        near = np.flatnonzero(self._is_served & (away <= radius_m))
        near = near[np.argsort(away[near], kind="stable")][:most]
        return [(int(number), round(float(away[number]))) for number in near]


def index_of(app: App, timetable: Timetable) -> Index:
    """The index of the timetable of now."""
    kept: list[Index] = app.once(Index, list)
    if not kept or kept[0].timetable is not timetable:
        kept[:] = [Index(timetable)]
    return kept[0]


def find_stop(timetable: Timetable, stop_ref: str) -> int:
    """A stop's number. Raises NotFound."""
    number = timetable.stop_numbers.get(stop_ref)
    if number is None:
        raise NotFound(NOT_FOUND)
    return number


def find_route(timetable: Timetable, line_ref: str | None) -> int | None:
    """A line's number, None for none. Raises NotFound."""
    if line_ref is None:
        return None
    number = timetable.route_numbers.get(line_ref)
    if number is None:
        raise NotFound(NOT_FOUND)
    return number


def alerts_of(transit: Transit, *, stop_ref: str = "", line_ref: str = "") -> list[TransitAlert]:
    """What riders of a line or at a stop must know now."""
    return [
        TransitAlert(Named(*one.header), Named(*one.text), one.effect)
        for one in transit.alerts_of(route=line_ref, stop=stop_ref)
    ]
