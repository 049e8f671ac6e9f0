"""Planning: bounds, the day that is asked about, and the search in a thread."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.context.call import Call
from core.errors import InvalidInput
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import Predictions, without_reports
from core.standards.gtfs.timetable import Timetable
from core.upstream.readings import Reading, ReadStatus
from modules.mobility.planning.domain import PlanAnswer, PlanProblem
from modules.mobility.planning.plans import PlanWriter
from modules.mobility.planning.search import (
    VEHICLES_MAX,
    Day,
    Question,
    find_journeys,
    merge,
    with_less_walking,
)
from modules.mobility.planning.walking import Walks
from modules.mobility.timetable.feeds import Feeds
from modules.mobility.timetable.network import LOADING, Transit, network_of

PLANS_MAX = 8
AHEAD = timedelta(days=60)
BEHIND = timedelta(hours=1)
_LIVE_AHEAD = timedelta(hours=3)
"""What is predicted says nothing of later."""
_DAY_FRESH_S = 30
"""So long the connections of a day are used before they are laid out anew."""
_DAYS_MAX = 4


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for; `at` None is now."""

    origin: GeoPoint
    destination: GeoPoint
    at: datetime | None = None
    arrive_by: bool = False
    changes_max: int = 3
    walk_m: int | None = None
    wheelchair: bool = False
    plans: int = 4


async def plan(call: Call, wish: Wish) -> Reading[PlanAnswer]:
    """The best ways, searched outside the event loop.

    Raises InvalidInput for a moment that is past or more than sixty days ahead, for more changes
    than five and for more plans than eight.
    """
    now = call.app.clock.now()
    _check(wish, now)
    network = network_of(call.app)
    reading = await network.read(call.deadline)
    if reading.value is None:
        return Reading(reading.status, None, reading.as_of, reading.reason)
    transit, moment = reading.value, wish.at or now
    if moment.date() > transit.timetable.last_day:
        answer = PlanAnswer([], PlanProblem.OUTSIDE_TIMETABLE)
        return reading.map(lambda _: answer)
    made = transit.predictions
    if not -BEHIND <= moment - now <= _LIVE_AHEAD:
        made = without_reports(await network.timeline(transit.timetable.day_of(moment)))
    days = call.app.once(Days, lambda: Days(network.config))
    work = asyncio.create_task(asyncio.to_thread(_answer, days, transit, made, wish, moment))
    await asyncio.wait([work], timeout=call.deadline.remaining())
    if not work.done():  # the first plan of a process compiles the search
        return Reading(ReadStatus.UNAVAILABLE, None, None, LOADING)
    answer = work.result()
    return reading.map(lambda _: answer)


def _check(wish: Wish, now: datetime) -> None:
    if wish.at is not None and not -BEHIND <= wish.at - now <= AHEAD:
        detail = f"at must lie within the next {AHEAD.days} days"
        raise InvalidInput(INVALID_INPUT, "at", detail=detail)
    if not 0 <= wish.changes_max < VEHICLES_MAX:
        detail = f"changesMax must be between 0 and {VEHICLES_MAX - 1}"
        raise InvalidInput(INVALID_INPUT, "changesMax", detail=detail)
    if not 1 <= wish.plans <= PLANS_MAX:
        raise InvalidInput(INVALID_INPUT, "first", detail=f"first must be 1 to {PLANS_MAX}")
    if wish.walk_m is not None and not 1 <= wish.walk_m <= 5_000:
        raise InvalidInput(INVALID_INPUT, "walkM", detail="walkM must be 1 to 5000")


class Days:
    """The days that are searched, laid out at first need; used from threads."""

    def __init__(self, config: Feeds) -> None:
        self._config = config
        self._walks: tuple[Timetable, Walks] | None = None
        self._days: OrderedDict[object, Day] = OrderedDict()

    def walks(self, timetable: Timetable) -> Walks:
        """The walks of a timetable."""
        if self._walks is None or self._walks[0] is not timetable:
            self._walks = timetable, Walks(timetable, self._config)
        return self._walks[1]

    def day(self, transit: Transit, made: Predictions, wheelchair: bool) -> Day:
        """A day with what is predicted of it, up to half a minute old."""
        key = made.timeline.day, wheelchair, bool(made.header_at)
        known = self._days.get(key)
        if (
            known is None
            or known.made.timeline is not made.timeline
            or (made.header_at and transit.now_s - known.now > _DAY_FRESH_S)
        ):
            walks = self.walks(transit.timetable)
            known = self._days[key] = Day(made, walks, transit.now_s, wheelchair)
            while len(self._days) > _DAYS_MAX:
                self._days.popitem(last=False)
        return known


def _answer(
    days: Days, transit: Transit, made: Predictions, wish: Wish, moment: datetime
) -> PlanAnswer:
    day = days.day(transit, made, wish.wheelchair)
    walks = day.walks
    access = walks.to_stops(wish.origin, wish.walk_m)
    egress = walks.to_stops(wish.destination, wish.walk_m)
    direct_s = walks.seconds(wish.origin, wish.destination)
    farthest_m = wish.walk_m or walks.max_m
    question = Question(
        access=access,
        egress=egress,
        direct_s=direct_s if walks.metres_in(direct_s) <= farthest_m else None,
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
