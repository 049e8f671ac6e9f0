"""The answer to a wish: the days that are searched, laid out at first need; runs in threads."""

from collections import OrderedDict
from datetime import datetime
from functools import cached_property

import structlog

from core.standards.gtfs.predictions import Predictions
from core.standards.gtfs.timetable import Timetable
from core.standards.streets.extract import LEAST, StreetsError, read_streets
from core.standards.streets.graph import StreetGraph
from modules.mobility.planning.domain import PlanAnswer, PlanProblem, Wish
from modules.mobility.planning.plans import PlanWriter
from modules.mobility.planning.search import (
    Day,
    Question,
    find_journeys,
    merge,
    with_less_walking,
)
from modules.mobility.planning.walking import Walks
from modules.mobility.timetable.feeds import Feeds
from modules.mobility.timetable.network import Transit

_DAY_FRESH_S = 30
"""So long the connections of a day are used before they are laid out anew."""
_DAYS_MAX = 4

log = structlog.get_logger(__name__)


class Days:
    """The days that are searched, laid out at first need; used from threads."""

    def __init__(self, config: Feeds) -> None:
        self._config = config
        self._walks: dict[bool, tuple[Timetable, Walks]] = {}
        self._days: OrderedDict[object, Day] = OrderedDict()

    def walks(self, timetable: Timetable, wheelchair: bool) -> Walks:
        """The walks of a timetable, with a wheelchair without steps."""
        is_apart = wheelchair and self._streets is not None
        known = self._walks.get(is_apart)
        if known is None or known[0] is not timetable:
            streets = self._level_streets if is_apart else self._streets
            known = self._walks[is_apart] = timetable, Walks(timetable, self._config, streets)
        return known[1]

    @cached_property
    def _streets(self) -> StreetGraph | None:
        """The city's streets; None where it gives none or they cannot be read."""
        if self._config.streets is None:
            return None
        try:
            return read_streets(self._config.streets)
        except StreetsError as error:
            log.warning("streets not usable", detail=str(error))
            return None

    @cached_property
    def _level_streets(self) -> StreetGraph | None:
        return self._streets and self._streets.without_steps(LEAST)

    def day(self, transit: Transit, made: Predictions, wheelchair: bool) -> Day:
        """A day with what is predicted of it, up to half a minute old."""
        key = made.timeline.day, wheelchair, bool(made.header_at)
        known = self._days.get(key)
        if (
            known is None
            or known.made.timeline is not made.timeline
            or (made.header_at and transit.now_s - known.now > _DAY_FRESH_S)
        ):
            walks = self.walks(transit.timetable, wheelchair)
            known = self._days[key] = Day(made, walks, transit.now_s, wheelchair)
            while len(self._days) > _DAYS_MAX:
                self._days.popitem(last=False)
        return known


def answer(
    days: Days, transit: Transit, made: Predictions, wish: Wish, moment: datetime
) -> PlanAnswer:
    """The best ways, or why there is none."""
    day = days.day(transit, made, wish.wheelchair)
    walks = day.walks
    access = walks.to_stops(wish.origin, wish.walk_m)
    egress = walks.to_stops(wish.destination, wish.walk_m)
    farthest_m = wish.walk_m or walks.max_m
    question = Question(
        access=access,
        egress=egress,
        direct_s=walks.seconds(wish.origin, wish.destination, farthest_m),
        at_s=int(moment.timestamp()) - made.timeline.starts_at,
        arrive_by=wish.arrive_by,
        vehicles=wish.changes_max + 1,
        journeys=wish.plans,
    )
    journeys = find_journeys(day, question)
    if any(one.walk_s for one in journeys):
        longest = max(max(one.access_s, one.egress_s) for one in journeys)
        nearer = with_less_walking(question, longest // 2)
        journeys = merge([journeys, find_journeys(day, nearer)], question)
    writer = PlanWriter(day, transit, wish.origin, wish.destination)
    problem = None
    if not any(one.rides for one in journeys):
        problem = PlanProblem.NO_SERVICE
        if not len(egress[0]):
            problem = PlanProblem.DESTINATION_TOO_FAR
        if not len(access[0]):
            problem = PlanProblem.ORIGIN_TOO_FAR
    return PlanAnswer([writer.plan(one) for one in journeys], problem)
