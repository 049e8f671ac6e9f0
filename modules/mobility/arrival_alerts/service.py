"""Arrival alerts: set by citizens, looked at every fifteen seconds, rung once.

What rings is noted in the alert's own row, in the transaction of its message: an alert for one
vehicle ends with it, a repeating one is done for the day. So it survives any restart and rings
once, however many workers look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from uuid import UUID

import orjson
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from core.clock import SHANGHAI
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep_pages
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import InvalidInput, NotFound, Unavailable
from core.queue.jobs import JobKind, Lane, job
from core.refusal_texts import INVALID_INPUT, NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.standards.gtfs.predictions import Freshness
from core.texts import Text
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, subscribe, tell
from modules.mobility.arrival_alerts import texts
from modules.mobility.arrival_alerts.domain import (
    BUS_ARRIVAL_ALERT,
    MINUTES_MAX,
    STOPS_MAX,
    Ring,
    Threshold,
    ring_of,
)
from modules.mobility.arrival_alerts.models import PLACE, ArrivalAlert
from modules.mobility.arrivals.domain import Arrival, list_way
from modules.mobility.arrivals.service import arrivals_at
from modules.mobility.timetable.index import find_route, find_stop, index_of
from modules.mobility.timetable.network import Transit, network_of
from notifications.api import MessageClass, Param, Template

LOOKS_EVERY = timedelta(seconds=15)
_AHEAD = timedelta(hours=2)
_READ_WITHIN_S = 10.0
_SHOWN = 20
ALERTS = Subscription(
    BUS_ARRIVAL_ALERT,
    OwnedList(ArrivalAlert, most=20, too_many=texts.TOO_MANY_ALERTS),
    adds="setArrivalAlert",
    removes="removeArrivalAlert",
    keys="arrival-alert:",
)
_AT = {"at": Param.MOMENT}


def _template(name: str, words: tuple[Text, Text]) -> Template:
    valid = timedelta(minutes=10)
    return Template(
        f"mobility.arrival_{name}",
        *words,
        about=MessageClass.ALARM,
        params=_AT,
        valid_for=valid,
    )


NEAR = _template("near", (texts.NEAR_TITLE, texts.NEAR_BODY))
CANCELLED = _template("cancelled", (texts.CANCELLED_TITLE, texts.CANCELLED_BODY))
LOST = _template("lost", (texts.LOST_TITLE, texts.LOST_BODY))
_TEMPLATES = {Ring.NEAR: NEAR, Ring.CANCELLED: CANCELLED, Ring.LOST: LOST}


@dataclass(frozen=True, slots=True)
class AlertPlace:
    """What is sealed of an alert: at which stop, of which line or trip."""

    stop_ref: str
    line_ref: str | None
    trip_ref: str | None


@dataclass(frozen=True, slots=True)
class AlertWish:
    """An alert as somebody wishes it: for one trip of a service day, or on weekdays (1 to 7) in a
    window of the day (seconds)."""

    place: AlertPlace
    label: str
    threshold: Threshold
    service_on: date | None = None
    weekdays: Sequence[int] = ()
    window_s: tuple[int, int] | None = None


async def set_alert(call: Call, wish: AlertWish, key: str) -> ArrivalAlert:
    """Ring the viewer from now on.

    Raises InvalidInput, NotFound for a stop, line or trip that is not known or does not go there,
    Unavailable without a timetable, Conflict above twenty alerts or KEY_REUSED.
    """
    label = owned.require_label(wish.label)
    _check(wish)
    reading = await network_of(call.app).read(call.deadline)
    if reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream="bus_feed")
    due_at = _due(call.app, reading.value, wish)
    place = orjson.dumps(wish.place).decode()
    row = {
        "label": label,
        "place_sealed": call.app.vault.encrypt(place, PLACE),
        "minutes_before": wish.threshold.minutes,
        "stops_before": wish.threshold.stops,
        "by_schedule": wish.threshold.by_schedule,
        "service_on": wish.service_on,
        "due_at": due_at,
        "weekdays": sum(1 << (day - 1) for day in wish.weekdays),
        "window_from_s": wish.window_s[0] if wish.window_s else None,
        "window_until_s": wish.window_s[1] if wish.window_s else None,
        "created_at": call.app.clock.now(),
    }
    hidden = ("place_sealed", "due_at", "created_at")
    command = {name: value for name, value in row.items() if name not in hidden}
    command["service_on"] = str(wish.service_on)
    return await subscribe(call, ALERTS, key, row, command | {"place": place})


def _check(wish: AlertWish) -> None:
    minutes, stops = wish.threshold.minutes, wish.threshold.stops
    if (minutes is None) == (stops is None):
        detail = "give minutesBefore or stopsBefore"
        raise InvalidInput(INVALID_INPUT, "minutesBefore", detail=detail)
    if minutes is not None and not 1 <= minutes <= MINUTES_MAX:
        detail = f"minutesBefore must be 1 to {MINUTES_MAX}"
        raise InvalidInput(INVALID_INPUT, "minutesBefore", detail=detail)
    if stops is not None and not 1 <= stops <= STOPS_MAX:
        detail = f"stopsBefore must be 1 to {STOPS_MAX}"
        raise InvalidInput(INVALID_INPUT, "stopsBefore", detail=detail)
    is_one = wish.place.trip_ref is not None and wish.service_on is not None
    window = wish.window_s
    repeats = bool(wish.weekdays) and wish.place.line_ref is not None and window is not None
    if is_one == repeats:
        detail = "give tripRef and serviceOn, or lineRef, weekdays, windowFrom and windowUntil"
        raise InvalidInput(INVALID_INPUT, "tripRef", detail=detail)
    if len(set(wish.weekdays)) != len(wish.weekdays) or not set(wish.weekdays) <= set(range(1, 8)):
        raise InvalidInput(INVALID_INPUT, "weekdays", detail="weekdays are 1 to 7, each once")
    if window is not None and not 0 <= window[0] < window[1] <= 86_400:
        detail = "windowUntil must be later than windowFrom"
        raise InvalidInput(INVALID_INPUT, "windowUntil", detail=detail)


def _due(app: App, transit: Transit, wish: AlertWish) -> datetime | None:
    """When the one vehicle comes by timetable; None for a repeating alert. Raises NotFound."""
    find_stop(transit.timetable, wish.place.stop_ref)
    find_route(transit.timetable, wish.place.line_ref)
    if wish.place.trip_ref is None:
        return None
    arrival = _of_trip(app, transit, wish.place, wish.service_on)
    if arrival is None:
        raise NotFound(NOT_FOUND)
    return arrival.scheduled_at


def _of_trip(
    app: App, transit: Transit, place: AlertPlace, service_on: date | None
) -> Arrival | None:
    """The vehicle of a trip at its stop; None where it is not in the timetable around now."""
    if place.trip_ref is None or service_on is None:
        return None
    run = transit.timeline.find_run(place.trip_ref, service_on)
    if run is None:
        return None
    lines = index_of(app, transit.timetable).lines
    way = list_way(transit.predictions, run, transit.now_s, lines)
    return next((one for one in way if one.stop_ref == place.stop_ref), None)


def place_of(app: App, row: ArrivalAlert) -> AlertPlace:
    """Where an alert is for."""
    return AlertPlace(**orjson.loads(app.vault.decrypt(bytes(row.place_sealed), PLACE)))


WATCH = JobKind[()]("mobility.watch_arrivals")


@job("mobility.watch_arrivals", lane=Lane.CRITICAL, timeout_s=60, every="* * * * *")
async def watch_arrivals(app: App) -> None:
    """Look at every alert that may ring, and again in fifteen seconds while there are any."""
    now = app.clock.now()
    if not await _due_rows(now).exists():
        return
    async with transaction() as tx:
        # the nearest: a clock that calls this look early does not give the next its own key
        slot = round(now.timestamp() / LOOKS_EVERY.total_seconds())
        await WATCH.enqueue(app, tx, key=str(slot), after=LOOKS_EVERY)
    reading = await network_of(app).read(Deadline.after(_READ_WITHIN_S), afresh=True)
    if reading.value is None:
        return

    async def list_page(after: UUID, limit: int) -> Sequence[ArrivalAlert]:
        return await _due_rows(now).filter(id__gt=after).order_by("id").limit(limit)

    look = partial(_look, app, reading.value)
    await sweep_pages(
        app, BUS_ARRIVAL_ALERT, list_page, look, key=lambda row: row.pk, within_s=30.0
    )


def _due_rows(now: datetime) -> QuerySet[ArrivalAlert]:
    """Alerts of vehicles that come before long, and repeating ones near their window of a day."""
    today = now.astimezone(SHANGHAI).date()
    windows = _in_window(now, today) | _in_window(now, today + timedelta(days=1))
    return ArrivalAlert.filter(Q(due_at__lte=now + _AHEAD) | windows)


def _in_window(now: datetime, day: date) -> Q:
    """Repeating alerts that may ring now for a vehicle of a day, today or tomorrow."""
    second = int((now - _midnight(day)).total_seconds())
    days = [mask for mask in range(1, 128) if mask >> day.weekday() & 1]
    near = Q(window_from_s__lte=second + MINUTES_MAX * 60, window_until_s__gte=second)
    return Q(weekdays__in=days) & near & _unrung(day)


def _unrung(day: date) -> Q:
    return Q(rung_on__isnull=True) | Q(rung_on__lt=day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


async def _look(app: App, transit: Transit, row: ArrivalAlert) -> None:
    place = place_of(app, row)
    threshold = Threshold(row.minutes_before, row.stops_before, row.by_schedule)
    if row.service_on is None:
        await _look_repeating(app, transit, row, place, threshold)
        return
    arrival = _of_trip(app, transit, place, row.service_on)
    now = transit.now
    assert row.due_at is not None
    if (row.due_at if arrival is None else arrival.arrives_at) < now - LOOKS_EVERY * 2:
        await row.delete()  # it has come and gone
        return
    if arrival is None:
        if row.lost_at is None:  # a timetable that leaves it out now may bring it back
            await _ring(app, row, Ring.LOST, _params_of_lost(transit, row, place), row.service_on)
        return
    ring = ring_of(arrival, threshold, row.tracked_at, now)
    if ring is Ring.LOST and row.lost_at is not None:
        return
    if ring is not None:
        await _ring(app, row, ring, _params(transit, ring, arrival), row.service_on)
    elif arrival.freshness is Freshness.LIVE:
        await ArrivalAlert.filter(id=row.id).update(tracked_at=now, lost_at=None)


async def _look_repeating(
    app: App, transit: Transit, row: ArrivalAlert, place: AlertPlace, threshold: Threshold
) -> None:
    now = transit.now
    assert row.window_from_s is not None
    assert row.window_until_s is not None
    for arrival in arrivals_at(app, transit, place.stop_ref, place.line_ref, _SHOWN):
        day = arrival.arrives_at.astimezone(SHANGHAI).date()
        second = (arrival.arrives_at - _midnight(day)).total_seconds()
        in_window = row.window_from_s <= second <= row.window_until_s
        is_day = row.weekdays >> day.weekday() & 1 and (row.rung_on is None or row.rung_on < day)
        if is_day and in_window and arrival.arrives_at >= now and threshold.is_near(arrival, now):
            await _ring(app, row, Ring.NEAR, _params(transit, Ring.NEAR, arrival), day)
            return


def _params(transit: Transit, ring: Ring, arrival: Arrival) -> dict[str, object]:
    """What a message says of a vehicle."""
    stop = transit.timetable.stops[transit.timetable.stop_numbers[arrival.stop_ref]]
    line = arrival.line.name if arrival.line else arrival.trip_ref
    at = arrival.arrives_at if ring is Ring.NEAR else arrival.scheduled_at or arrival.arrives_at
    params: dict[str, object] = {"line": line, "stop": stop.name, "at": at}
    if ring is Ring.NEAR:
        params["headsign"] = arrival.headsign or stop.name
    return params


def _params_of_lost(transit: Transit, row: ArrivalAlert, place: AlertPlace) -> dict[str, object]:
    """What a message says of a vehicle that is in no timetable any more."""
    number = transit.timetable.stop_numbers.get(place.stop_ref)
    stop = place.stop_ref if number is None else transit.timetable.stops[number].name
    return {"line": place.trip_ref, "stop": stop, "at": row.due_at}


async def _ring(
    app: App, row: ArrivalAlert, ring: Ring, params: Mapping[str, object], day: date
) -> None:
    """Tell the alert's owner, once for the service day or the day of the coming; what ends it is
    noted with the message."""

    async def note(tx: Transaction) -> bool:
        mine = ArrivalAlert.filter(id=row.id).using_db(tx)
        if ring is Ring.LOST:
            now = app.clock.now()
            return bool(await mine.filter(lost_at__isnull=True).update(lost_at=now))
        if row.service_on is not None:
            return bool(await mine.delete())
        return bool(await mine.filter(_unrung(day)).update(rung_on=day))

    notice = Notice(_TEMPLATES[ring], params)
    await tell(app, ALERTS, row.citizen_id, f"{row.id}:{day}:{ring}", notice, note=note)
