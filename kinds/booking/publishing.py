"""Putting the city's slots on offer: places and opening hours from the city file, every night."""

from datetime import datetime, time, timedelta
from functools import partial

import structlog

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.context.contributions import Seed
from core.context.sweep import sweep
from core.database import transaction
from core.queue.jobs import Lane, job
from kinds.booking import closures, slot_store
from kinds.booking.models import Resource
from kinds.booking.policy import Policy, Rules, Venue, rules_of
from kinds.booking.schedule import HORIZON_DAYS_MAX, plan_slots
from kinds.booking.slot_store import Described

log = structlog.get_logger(__name__)


async def seed(app: App) -> list[int]:
    """Publish every place up to its horizon, and close those that the city file has no more.
    Repeat-safe; raises SweepIncomplete after all others where one could not be.

    Returns the years whose calendar should be in the city file by now, and is not: their days are
    on offer by the law's holidays alone.
    """
    rules = rules_of(app)
    places = [(service_id, venue) for service_id, of in rules.venues.items() for venue in of]
    swept = await sweep(
        app,
        "appointments.publish",
        places,
        lambda place: publish(app, place[0], rules.policies[place[0]], place[1]),
    )
    swept += await sweep(app, "appointments.close", await _list_closed(rules), partial(_close, app))
    overdue = app.city.calendar.overdue_years(civil_date(app.clock.now()))
    for year in overdue:
        log.warning("the city file lacks the calendar of a year", year=year)
    swept.require_whole()
    return overdue


async def _list_closed(rules: Rules) -> list[Resource]:
    """The places that the city file has no more."""
    return [
        place
        for service_id, venues in rules.venues.items()
        for place in await slot_store.list_resources(service_id)
        if place.ref not in {venue.ref for venue in venues}
    ]


async def _close(app: App, place: Resource) -> None:
    """Call off whatever is still to come at a place."""
    until = app.clock.now() + timedelta(days=HORIZON_DAYS_MAX + 1)
    async with transaction() as tx:
        called_off = await closures.call_off(app, tx, place.id, until=until, planned=())
    if called_off:
        log.warning("slots were called off", place=place.ref, slots=called_off)


async def publish(app: App, service_id: str, policy: Policy, venue: Venue) -> int:
    """Bring a place's slots from today to the horizon to what its timetables and the calendar say.

    What is planned no more is called off, and who is booked there is moved. Returns how many slots
    are new or changed. Raises ScheduleInvalid for opening hours that contradict themselves; then
    nothing changed.
    """
    first_on, days = civil_date(app.clock.now()), policy.horizon_days
    planned = plan_slots(
        venue.timetables,
        app.city.calendar,
        first_on=first_on,
        days=days,
        release=policy.release,
    )
    async with transaction() as tx:
        resource_id = await slot_store.ensure_resource(
            tx,
            service_id=service_id,
            ref=venue.ref,
            described=Described(venue.place, venue.unit, venue.name),
            limit_group=f"{service_id}/{venue.ref}",
            address=venue.address,
        )
        changed = await slot_store.insert_planned(tx, resource_id, service_id, planned)
        called_off = await closures.call_off(
            app,
            tx,
            resource_id,
            until=datetime.combine(first_on + timedelta(days=days), time.min, SHANGHAI),
            planned=[slot.ref for slot in planned],
        )
    if called_off:
        log.warning("slots were called off", place=venue.ref, slots=called_off)
    return changed + called_off


@job("appointments.publish", lane=Lane.BULK, timeout_s=300, every="1 16 * * *")
async def publish_daily(app: App) -> None:
    """The horizon moves on by a day."""
    await seed(app)


SEED = Seed(seed)
