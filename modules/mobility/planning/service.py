"""Planning: bounds, the day that is asked about, and the search in a thread."""

import asyncio
from datetime import datetime, timedelta

from core.context.app import App
from core.context.call import Call
from core.context.contributions import WarmUp
from core.deadline import Deadline
from core.errors import InvalidInput
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import Predictions, without_reports
from core.standards.gtfs.timetable import Stop
from core.upstream.readings import Reading, ReadStatus
from modules.mobility.planning.answers import Days, answer
from modules.mobility.planning.domain import VEHICLES_MAX, PlanAnswer, PlanProblem, Wish
from modules.mobility.timetable.network import LOADING, Transit, network_of

PLANS_MAX = 8
AHEAD = timedelta(days=60)
BEHIND = timedelta(hours=1)
_LIVE_AHEAD = timedelta(hours=3)
"""What is predicted says nothing of later."""
_WARM_UP_S = 120.0


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
    if not transit.timetable.is_known(moment):
        answer = PlanAnswer([], PlanProblem.OUTSIDE_TIMETABLE)
        return reading.map(lambda _: answer)
    made = transit.predictions
    if not -BEHIND <= moment - now <= _LIVE_AHEAD:
        made = without_reports(await network.timeline(transit.timetable.day_of(moment)))
    work = asyncio.create_task(
        asyncio.to_thread(_answer, call.app, transit, made, wish, moment), name="transit.plan"
    )
    await asyncio.wait([work], timeout=call.deadline.remaining())
    if not work.done():  # a process that is not warm yet compiles the search
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


def _answer(
    app: App, transit: Transit, made: Predictions, wish: Wish, moment: datetime
) -> PlanAnswer:
    days = app.once(Days, lambda: Days(network_of(app).config))
    return answer(days, transit, made, wish, moment)


async def _warm_up(app: App) -> None:
    """Load the timetable and compile the search, by a journey between two of its stops."""
    reading = await network_of(app).read(Deadline.after(_WARM_UP_S))
    if reading.value is None or not reading.value.timetable.stops:
        return
    transit, stops = reading.value, reading.value.timetable.stops
    wish = Wish(_place(stops[0]), _place(stops[-1]))
    await asyncio.to_thread(_answer, app, transit, transit.predictions, wish, app.clock.now())


def _place(stop: Stop) -> GeoPoint:
    return GeoPoint(stop.lat, stop.lon)


WARM_UP = WarmUp(_warm_up)
