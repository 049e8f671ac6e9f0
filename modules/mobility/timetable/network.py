"""The timetable of now with what is predicted of it: fetched at need, by one request for all.

The timetable is read and laid out in a thread; realtime messages are taken in slices of a
millisecond, so that no request waits for either. What cannot be read is counted, and the last
that could be goes on, marked stale by its age.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import structlog

from core.context.app import App
from core.context.gauges import GaugeSource
from core.deadline import Deadline
from core.standards.gtfs.combine import combine
from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.predictions import (
    HEADER_FRESH_S,
    Predictions,
    predict_slowly,
    without_reports,
)
from core.standards.gtfs.realtime import AlertReport
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import Timeline, build_timeline
from core.standards.gtfs.timetable import Timetable, versions
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading, ReadStatus
from modules.mobility.timetable.feed_state import FeedState
from modules.mobility.timetable.feeds import (
    Feed,
    Schedule,
    feeds_file,
    fetch_realtime,
    fetch_schedule,
    load_feeds,
)

POLL = timedelta(seconds=10)
OVERDUE = timedelta(seconds=15)
"""A request waits for what has not been fetched for so long; before it is fetched behind it."""
SCHEDULE_EVERY = timedelta(minutes=10)
LOADING = "LOADING"
_SLICE_S = 0.001
_SCHEDULE_WITHIN_S, _REALTIME_WITHIN_S = 180.0, 8.0
_TIMELINES_MAX = 3

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transit:
    """What is known of transit at a moment."""

    timetable: Timetable
    predictions: Predictions
    alerts: Sequence[AlertReport]
    now: datetime

    @property
    def timeline(self) -> Timeline:
        """The runs of today."""
        return self.predictions.timeline

    @property
    def now_s(self) -> int:
        """The moment, Unix seconds."""
        return int(self.now.timestamp())

    @property
    def is_live(self) -> bool:
        """Whether the realtime feed is alive."""
        return self.now_s <= self.predictions.header_at + HEADER_FRESH_S

    def alerts_of(self, *, route: str = "", stop: str = "") -> list[AlertReport]:
        """The alerts that hold now for a route or a stop."""
        return [
            alert
            for alert in self.alerts
            if alert.is_active(self.now_s)
            and any(
                (route and one.route_ref == route) or (stop and one.stop_ref == stop)
                for one in alert.concerns
            )
        ]


class Network:
    """The feeds of the city as this process has them."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.config = load_feeds(feeds_file(app.settings))
        self._states = {feed.prefix: FeedState(feed.prefix) for feed in self.config.feeds}
        self._schedules: dict[str, tuple[Schedule, Timetable]] = {}
        self._timetable: Timetable | None = None
        self._timelines: OrderedDict[date, Timeline] = OrderedDict()
        self._predictions: Predictions | None = None
        self._loading: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._loaded_at: datetime | None = None
        self._polled_at: datetime | None = None
        self.faults = Faults()
        self.reason: str | None = None
        """Why there is no timetable, a stable code."""

    async def read(self, deadline: Deadline, *, afresh: bool = False) -> Reading[Transit]:
        """Transit now: STALE where the realtime feed is silent or too old, UNAVAILABLE without a
        timetable. `afresh` asks for what is predicted again, however young it is."""
        await self._load(deadline)
        if self._timetable is None:
            return Reading(ReadStatus.UNAVAILABLE, None, None, self.reason or LOADING)
        now = self._app.clock.now()
        day = self._timetable.day_of(now)
        if self._predictions is not None and self._predictions.timeline.day != day:
            self._polled_at = None
        if afresh:
            self._polled_at = None
        await self._poll(deadline)
        if self._predictions is None or self._predictions.timeline.day != day:
            self._predictions = without_reports(await self.timeline(day))
        alerts = [alert for state in self._states.values() for alert in state.alerts]
        transit = Transit(self._timetable, self._predictions, alerts, now)
        header_at = self._predictions.header_at
        as_of = datetime.fromtimestamp(header_at, UTC) if header_at else self._loaded_at
        if transit.is_live:
            return Reading(ReadStatus.LIVE, transit, as_of, None)
        return Reading(ReadStatus.STALE, transit, as_of, self.realtime_reason)

    @property
    def realtime_reason(self) -> str:
        """Why nothing is live, a stable code."""
        reasons = [state.reason for state in self._states.values() if state.reason]
        return reasons[0] if reasons else "FROZEN"

    async def timeline(self, day: date) -> Timeline:
        """The runs of a day, laid out in a thread at first need."""
        timetable = self._timetable
        assert timetable is not None
        if day not in self._timelines:
            made = await asyncio.to_thread(lambda: build_timeline(timetable, day).warm())
            self._timelines[day] = made
            while len(self._timelines) > _TIMELINES_MAX:
                self._timelines.popitem(last=False)
        self._timelines.move_to_end(day)
        return self._timelines[day]

    async def _load(self, deadline: Deadline) -> None:
        """Fetch the timetables where that is due; wait for the first ones alone."""
        now = self._app.clock.now()
        if self._loading is None and (
            self._loaded_at is None or now - self._loaded_at >= SCHEDULE_EVERY
        ):
            self._loading = asyncio.create_task(self._load_all(now), name="transit.schedule")
        if self._loading is not None and self._timetable is None:
            await _wait(self._loading, deadline)

    async def _load_all(self, now: datetime) -> None:
        try:
            changed = [await self._load_feed(feed, path) for feed, path in self._paths()]
            self._loaded_at = now if self._schedules else None
            if any(changed):
                parts = [
                    (feed.prefix, version)
                    for feed in self.config.feeds
                    for version in versions(
                        [self._schedules[p][1] for p in feed.schedules if p in self._schedules]
                    )
                ]
                self._timetable = await asyncio.to_thread(_combined, parts)
                self._timelines.clear()
                self._predictions, self._polled_at, self.reason = None, None, None
        except FeedError as error:
            self.reason = error.rule.upper()
            self.faults.add(error.rule, "gtfs.zip", [error])
            log.warning("timetable not usable", rule=error.rule)
        finally:
            self._loading = None

    def _paths(self) -> Iterator[tuple[Feed, str]]:
        return ((feed, path) for feed in self.config.feeds for path in feed.schedules)

    async def _load_feed(self, feed: Feed, path: str) -> bool:
        """Whether a timetable has changed; one that cannot be had or read changes nothing."""
        known = self._schedules.get(path)
        deadline = Deadline.after(_SCHEDULE_WITHIN_S)
        try:
            file = await fetch_schedule(self._app, deadline, path, known[0].etag if known else "")
            if file is None or (known is not None and file.data == known[0].data):
                return False
            zone = self.config.zone
            timetable = await asyncio.to_thread(lambda: read_schedule(file.data, zone=zone))
        except UpstreamError as error:
            self.reason = error.reason
            return False
        except FeedError as error:
            self.reason = error.rule.upper()
            self.faults.add(error.rule, path, [error])
            log.warning("timetable not usable", rule=error.rule)
            return False
        self.faults.merge(timetable.faults)
        self._schedules[path] = file, timetable
        return True

    async def _poll(self, deadline: Deadline) -> None:
        """Fetch what is predicted where that is due; wait for what is overdue alone."""
        now = self._app.clock.now()
        age = None if self._polled_at is None else now - self._polled_at
        if self._polling is None and (age is None or age >= POLL):
            self._polling = asyncio.create_task(self._poll_all(now), name="transit.realtime")
        if self._polling is not None and (age is None or age >= OVERDUE):
            await _wait(self._polling, deadline)

    async def _poll_all(self, now: datetime) -> None:
        try:
            moment = int(now.timestamp())
            for feed in self.config.feeds:
                await self._poll_feed(feed, moment)
            assert self._timetable is not None
            timeline = await self.timeline(self._timetable.day_of(now))
            feeds = [state.reports() for state in self._states.values()]
            self._predictions = await in_slices(predict_slowly(timeline, feeds, moment))
            self.faults.merge(self._predictions.faults)
            self._polled_at = now
        finally:
            self._polling = None

    async def _poll_feed(self, feed: Feed, now: int) -> None:
        state, deadline = self._states[feed.prefix], Deadline.after(_REALTIME_WITHIN_S)
        for path in feed.realtime:
            try:
                data = await fetch_realtime(self._app, deadline, path)
                await in_slices(state.take(path, data, now))
                state.reason = None
            except UpstreamError as error:
                state.reason = error.reason
            except FeedError as error:
                state.reason = "INVALID"
                self.faults.add(error.rule, path, [error])
                log.warning("realtime message not usable", rule=error.rule)
        self.faults.merge(state.take_faults())


async def in_slices(steps: Iterator[T]) -> T:
    """Go through steps, letting others run every millisecond; returns the last."""
    await asyncio.sleep(0)
    began_s, result = time.perf_counter(), None
    for step in steps:
        result = step
        if time.perf_counter() - began_s > _SLICE_S:
            await asyncio.sleep(0)
            began_s = time.perf_counter()
    assert result is not None
    await asyncio.sleep(0)
    return result


def _combined(parts: Sequence[tuple[str, Timetable]]) -> Timetable:
    timetable = combine(parts)
    assert (timetable.stop_numbers, timetable.trip_numbers, timetable.platforms) is not None
    return timetable


async def _wait(task: asyncio.Task[None], deadline: Deadline) -> None:
    """Wait for a task that others wait for too, no longer than a deadline."""
    await asyncio.wait([task], timeout=deadline.remaining())


def network_of(app: App) -> Network:
    """The network of a process."""
    return app.once(Network, lambda: Network(app))


async def _count_faults(app: App) -> dict[str, float]:
    counts: dict[str, float] = {}
    for fault in network_of(app).faults:
        counts[fault.rule] = counts.get(fault.rule, 0) + fault.count
    return counts


FAULTS = GaugeSource(
    "transit_feed_faults",
    "What was wrong in the transit feeds since the start.",
    "rule",
    _count_faults,
)
