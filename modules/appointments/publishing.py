"""Putting the city's slots on offer: places and opening hours from the city file, every night."""

from collections.abc import Mapping
from typing import Any

from core.app import App
from core.clock import civil_date
from core.database import transaction
from modules.appointments import slot_store
from modules.appointments.policy import Policy, Venue, rules_of
from modules.appointments.schedule import plan_slots
from modules.appointments.slot_store import Described


async def seed(app: App) -> None:
    """Publish every place up to its horizon. Repeat-safe: what is there stays."""
    rules = rules_of(app)
    for service_id, venues in rules.venues.items():
        for venue in venues:
            await publish(app, service_id, rules.policies[service_id], venue)


async def publish(app: App, service_id: str, policy: Policy, venue: Venue) -> int:
    """Offer a place's slots from today to the horizon; returns how many are new or changed.

    Raises ScheduleInvalid for opening hours that contradict themselves; then nothing changed.
    """
    planned = plan_slots(
        venue.timetables,
        app.city.calendar,
        first_on=civil_date(app.clock.now()),
        days=policy.horizon_days,
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
        return await slot_store.insert_planned(tx, resource_id, service_id, planned)


async def publish_daily(app: App, _payload: Mapping[str, Any]) -> None:
    """Scheduled job: the horizon moves on by a day."""
    await seed(app)
