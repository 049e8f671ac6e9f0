"""Bans: who missed too many appointments of a service may not book it for a while.

Held at every entrance to a booking: holding a seat, a number of another system, the waiting list
when it is joined and when a seat comes free, the queue, and moving.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction, connection
from core.errors import Conflict
from core.queue.jobs import Lane, job
from kinds.booking import domain, store, texts
from kinds.booking.policy import policy_of, rules_of


async def list_banned(
    app: App, db: Transaction, service_id: str, people: Sequence[bytes]
) -> Mapping[bytes, datetime]:
    """Those of some people who are banned from a service now, and until when."""
    rule, now = policy_of(app, service_id).ban, app.clock.now()
    if rule is None or not people:
        return {}
    missed = await store.list_missed(db, people, service_id, now - rule.within - rule.lasts)
    ends = {person: domain.banned_until(moments, rule) for person, moments in missed.items()}
    return {person: until for person, until in ends.items() if until is not None and until > now}


def refusal(until: datetime) -> Conflict:
    """What a banned person is told."""
    return Conflict(texts.BANNED, until=until.astimezone(SHANGHAI).date().isoformat())


async def refuse_banned(app: App, db: Transaction, service_id: str, person: bytes) -> None:
    """Raise Conflict BANNED for a banned person."""
    until = (await list_banned(app, db, service_id, [person])).get(person)
    if until is not None:
        raise refusal(until)


def kept_for(app: App, service_id: str) -> timedelta:
    """How long a missed appointment counts: so long it is known, without an account, who it was."""
    policy = rules_of(app).policies.get(service_id)
    rule = policy.ban if policy is not None else None
    return rule.within + rule.lasts if rule is not None else timedelta(0)


@job("appointments.forget_misses", lane=Lane.BULK, every="50 18 * * *")
async def forget_misses(app: App) -> None:
    """Every night: drop the key of who missed an appointment once it can lead to no ban."""
    now = app.clock.now()
    for service_id in await store.list_services_missed(connection()):
        await store.forget_missed(connection(), service_id, now - kept_for(app, service_id))
