"""Putting the city's slots on offer: places and opening hours from the city file, every night."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from modules.appointments import slot_store
from modules.appointments.policy import Policy, Rules, Venue, rules_of
from modules.appointments.schedule import known_days, plan_slots
from modules.appointments.slot_store import Described

log = structlog.get_logger(__name__)


async def seed(app: App) -> frozenset[int]:
    """Publish every place up to its horizon. Repeat-safe: what is there stays.

    Returns the years without a calendar into which a horizon reaches: of them nothing is offered
    that hangs on holidays.
    """
    rules = rules_of(app)
    for service_id, venues in rules.venues.items():
        for venue in venues:
            await publish(app, service_id, rules.policies[service_id], venue)
    unknown = _unknown_years(app, rules)
    for year in unknown:
        log.warning("no calendar in the city file: no slots", year=year)
    return unknown


async def publish(app: App, service_id: str, policy: Policy, venue: Venue) -> int:
    """Offer a place's slots from today to the horizon, or to the end of the calendar that they
    hang on; returns how many are new or changed.

    Raises ScheduleInvalid for opening hours that contradict themselves; then nothing changed.
    """
    calendar, first_on = app.city.calendar, civil_date(app.clock.now())
    days = known_days(venue.timetables, calendar, first_on=first_on, days=policy.horizon_days)
    if days == 0:
        return 0
    planned = plan_slots(
        venue.timetables, calendar, first_on=first_on, days=days, release=policy.release
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
        return await slot_store.insert_planned(tx, resource_id, service_id, planned)


async def publish_daily(app: App, _payload: Mapping[str, Any]) -> None:
    """Scheduled job: the horizon moves on by a day."""
    await seed(app)


def _unknown_years(app: App, rules: Rules) -> frozenset[int]:
    first_on = civil_date(app.clock.now())
    furthest = max(rules.policies[service_id].horizon_days for service_id in rules.venues)
    years = {(first_on + timedelta(days=ahead)).year for ahead in range(furthest)}
    return frozenset(years - app.city.calendar.years)
