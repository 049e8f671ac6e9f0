"""Plans out of journeys: stops, lines and moments in the place of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.fares import FareLeg, price_of
from core.standards.gtfs.predictions import Freshness
from modules.mobility.planning.domain import LegMode, LegPlace, Plan, PlanLeg, change_risk, mode_of
from modules.mobility.planning.search import Day, Journey, Ride
from modules.mobility.timetable.domain import TransitLine, lines_of
from modules.mobility.timetable.index import alerts_of
from modules.mobility.timetable.network import Transit


@dataclass
class PlanWriter:
    """Writes the plans of one question."""

    day: Day
    transit: Transit
    origin: GeoPoint
    destination: GeoPoint

    def plan(self, journey: Journey) -> Plan:
        """A journey in words."""
        if not journey.rides:
            ends = self._door(self.origin), self._door(self.destination)
            leg = self._walk(ends, journey.departs_s, journey.arrives_s)
            return Plan(leg.departs_at, leg.arrives_at, 0, leg.distance_m or 0, 0, [leg])
        legs = self._legs(journey)
        return Plan(
            departs_at=legs[0].departs_at,
            arrives_at=legs[-1].arrives_at,
            change_count=len(journey.rides) - 1,
            walk_m=sum(leg.distance_m or 0 for leg in legs),
            fare_fen=self._fare_fen(journey),
            legs=legs,
        )

    def _legs(self, journey: Journey) -> list[PlanLeg]:
        paths = self.day.forward
        legs: list[PlanLeg] = []
        first_stop = int(paths.from_stop[journey.rides[0].first])
        if journey.access_s:
            departs = int(paths.departure[journey.rides[0].first])
            ends = self._door(self.origin), self._stop(first_stop)
            legs.append(self._walk(ends, departs - journey.access_s, departs))
        before: Ride | None = None
        for ride in journey.rides:
            legs += self._change(before, ride)
            legs.append(self._ride(before, ride))
            before = ride
        assert before is not None
        if journey.egress_s:
            arrives = int(paths.arrival[before.last])
            ends = self._stop(int(paths.to_stop[before.last])), self._door(self.destination)
            legs.append(self._walk(ends, arrives, arrives + journey.egress_s))
        return legs

    def _change(self, before: Ride | None, ride: Ride) -> list[PlanLeg]:
        """The walk from one vehicle to the next, where they stop at different stops."""
        paths = self.day.forward
        if before is None:
            return []
        here, there = int(paths.to_stop[before.last]), int(paths.from_stop[ride.first])
        if here == there:
            return []
        arrives = int(paths.arrival[before.last])
        walk_s, walks = self._between_s(here, there), self.day.walks
        ends = self._stop(here), self._stop(there)
        leg = self._walk(ends, arrives, arrives + walk_s)
        basis = walks.basis_between(here, there, [end.at for end in ends])
        length = walks.metres_between(here, there, walk_s)
        return [replace(leg, distance_m=length, walk_basis=basis)]

    def _between_s(self, here: int, there: int) -> int:
        walks = self.day.walks.forward
        if here == there:
            return int(walks.change[here])
        span = slice(int(walks.first[here]), int(walks.first[here + 1]))
        place = int(np.flatnonzero(walks.to_stop[span] == there)[0])
        return int(walks.seconds[span][place])

    def _ride(self, before: Ride | None, ride: Ride) -> PlanLeg:
        paths, made, timeline = self.day.forward, self.day.made, self.day.made.timeline
        run, departs = int(paths.run[ride.first]), int(paths.departure[ride.first])
        row, start, end = (
            int(paths.row[ride.first]),
            int(paths.from_stop[ride.first]),
            int(paths.to_stop[ride.last]),
        )
        is_added = run >= len(timeline.trip)
        trips = timeline.timetable.trips
        line = self._lines.get(self._route(run))
        wait_s, spare_s, arrived = 0, 0, None
        if before is not None:
            arrives = int(paths.arrival[before.last])
            wait_s = departs - arrives
            spare_s = wait_s - self._between_s(int(paths.to_stop[before.last]), start)
            arrived = self._freshness(before.last)
        return PlanLeg(
            mode=mode_of(line.route_type) if line else LegMode.OTHER,
            start=self._stop(start),
            end=self._stop(end),
            departs_at=self._moment(departs),
            arrives_at=self._moment(int(paths.arrival[ride.last])),
            distance_m=None,
            walk_basis=None,
            line=line,
            headsign=(
                made.added[run - len(timeline.trip)].headsign
                if is_added
                else trips.headsign[timeline.trip[run]]
            ),
            trip_ref=None if is_added else trips.refs[timeline.trip[run]],
            service_on=None if is_added else timeline.service_date(run),
            stop_count=len(self._stops(ride)) - 1,
            freshness=self._freshness(ride.first),
            delay_s=0 if is_added else departs - int(timeline.departure[row]),
            wait_s=wait_s,
            change=change_risk(arrived, spare_s),
            alerts=alerts_of(self.transit, line_ref=line.line_ref) if line else [],
        )

    def _route(self, run: int) -> int:
        """The number of a run's route; -1 where it has none."""
        made, timeline = self.day.made, self.day.made.timeline
        if run >= len(timeline.trip):
            return made.added[run - len(timeline.trip)].route
        return int(timeline.timetable.trips.route[timeline.trip[run]])

    def _stops(self, ride: Ride) -> list[int]:
        """The numbers of the stops from where one gets on to where one gets off."""
        paths = self.day.forward
        own = paths.run[ride.first : ride.last + 1] == paths.run[ride.first]
        passed = paths.from_stop[ride.first : ride.last + 1][own].tolist()
        return [*passed, int(paths.to_stop[ride.last])]

    def _fare_fen(self, journey: Journey) -> int | None:
        """What the tickets cost; None where the feeds do not say it, or not in yuan."""
        timetable, paths = self.transit.timetable, self.day.forward
        starts_at, legs = self.day.made.timeline.starts_at, []
        for ride in journey.rides:
            route = self._route(int(paths.run[ride.first]))
            if route < 0:
                return None
            legs.append(
                FareLeg(
                    timetable.routes[route].ref,
                    [timetable.stops[number].ref for number in self._stops(ride)],
                    starts_at + int(paths.departure[ride.first]),
                    starts_at + int(paths.arrival[ride.last]),
                )
            )
        price = price_of(timetable.fares, legs, timetable.zone)
        if price is None or price.currency != "CNY":
            return None
        return round(price.amount * 100)

    def _freshness(self, connection: int) -> Freshness:
        paths, made = self.day.forward, self.day.made
        run, row = int(paths.run[connection]), int(paths.row[connection])
        if run >= len(made.timeline.trip):
            return Freshness.LIVE
        return made.freshness(run, row, self.day.now)

    def _walk(self, ends: tuple[LegPlace, LegPlace], departs_s: int, arrives_s: int) -> PlanLeg:
        start, end = ends
        return PlanLeg(
            mode=LegMode.WALK,
            start=start,
            end=end,
            departs_at=self._moment(departs_s),
            arrives_at=self._moment(arrives_s),
            distance_m=self.day.walks.metres_in(arrives_s - departs_s),
            walk_basis=self.day.walks.basis([start.at, end.at]),
            line=None,
            headsign="",
            trip_ref=None,
            service_on=None,
            stop_count=0,
            freshness=Freshness.SCHEDULED,
            delay_s=0,
            wait_s=0,
            change=change_risk(None, 0),
            alerts=[],
        )

    @cached_property
    def _lines(self) -> Mapping[int, TransitLine]:
        return lines_of(self.transit.timetable)

    def _stop(self, number: int) -> LegPlace:
        stop = self.transit.timetable.stops[number]
        return LegPlace(GeoPoint(stop.lat, stop.lon), stop.ref, stop.name, stop.platform)

    def _door(self, point: GeoPoint) -> LegPlace:
        return LegPlace(point, None, "", "")

    def _moment(self, second: int) -> datetime:
        return datetime.fromtimestamp(self.day.made.timeline.starts_at + second, UTC)
