"""From a delivery in hand to what providers are given, or to why nobody is given it.

What people want is asked again here: between the sending and its turn the night may have begun, or
the person may have changed their mind.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import structlog

from core.context.app import App
from core.database import connection, is_connection_lost
from core.errors import NotFound
from core.people.directory import get_person
from notifications.channels.port import Failed, Outbound, Outcome, Refused
from notifications.messages.models import BODY, TITLE
from notifications.messages.store import Claimed
from notifications.reach import store as reach_store
from notifications.reach.domain import Reach, find_way
from notifications.reach.models import ADDRESS
from notifications.reach.store import LiveAddress
from notifications.templates.domain import CLASSES, TO_PHONES, Channel
from notifications.templates.recipients import PHONE

_AT_ONCE = 10
PAUSED_FOR = timedelta(seconds=30)
"""How often what is paused is looked at."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not before a moment; this was no attempt."""

    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """It stays in the inbox, where it is."""

    reason: str


Verdict: TypeAlias = Outcome | Postponed | Dropped


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery with what goes out for it: one for each device, where there are several."""

    claimed: Claimed
    outbounds: Sequence[tuple[LiveAddress | None, Outbound]] = ()
    verdict: Verdict | None = None
    """Decided already, where there is nothing to send."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is read once for all deliveries of a chunk."""

    reach: Mapping[UUID, Reach]
    addresses: Mapping[Channel, Mapping[UUID, Sequence[LiveAddress]]]
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))


async def address_all(app: App, claimed: Sequence[Claimed]) -> list[Letter]:
    """A letter for each delivery, in their order."""
    facts = await _read_facts(app, claimed)
    return list(await asyncio.gather(*(_letter(app, facts, each) for each in claimed)))


async def _read_facts(app: App, claimed: Sequence[Claimed]) -> _Facts:
    db = connection()
    people = {each.person_id for each in claimed if each.person_id is not None}
    reach = await reach_store.find_reach(db, people)
    channels = {each.channel for each in claimed} - TO_PHONES
    addresses = {
        channel: await reach_store.list_addresses(db, people, channel) for channel in channels
    }
    return _Facts(reach, addresses)


async def _letter(app: App, facts: _Facts, claimed: Claimed) -> Letter:
    try:
        verdict = _judge(app, facts, claimed)
        if verdict is not None:
            return Letter(claimed, verdict=verdict)
        return await _written(app, facts, claimed)
    except NotFound:
        return Letter(claimed, verdict=Refused("no_account"))
    except Exception as error:
        if is_connection_lost(error):
            raise
        log.error("delivery not read", delivery_id=str(claimed.id), exc_info=error)
        return Letter(claimed, verdict=Failed("unreadable"))


def _judge(app: App, facts: _Facts, claimed: Claimed) -> Verdict | None:
    """Why it does not go out now, if so."""
    now, rule = app.clock.now(), CLASSES[claimed.about]
    if claimed.campaign_state == "cancelled":
        return Dropped("campaign_cancelled")
    if claimed.campaign_state == "paused":
        return Postponed(now + PAUSED_FOR, "campaign_paused")
    if claimed.person_id is None or rule.is_critical:
        return Dropped("expired") if now >= claimed.expires_at else None
    reach = facts.reach[claimed.person_id]
    quiet_until = reach.quiet.end_after(now) if reach.quiet is not None else None
    if quiet_until is not None:  # no reason to expire
        return Postponed(quiet_until, "quiet_hours")
    if now >= claimed.expires_at:
        return Dropped("expired")
    if (claimed.about, claimed.channel) in reach.refused:
        return Refused("unwanted")
    return None


async def _written(app: App, facts: _Facts, claimed: Claimed) -> Letter:
    title = app.vault.decrypt(claimed.title_sealed, TITLE) if claimed.title_sealed else ""
    body = app.vault.decrypt(claimed.body_sealed, BODY)

    def outbound(ref: str, address: str) -> Outbound:
        return Outbound(ref, address, title, body, claimed.deep_link, claimed.lane)

    if claimed.channel in TO_PHONES:
        async with facts.gate:
            phone = await _phone(app, claimed)
        if not phone:
            return Letter(claimed, verdict=Refused("no_phone"))
        return Letter(claimed, [(None, outbound(str(claimed.id), phone))])
    assert claimed.person_id is not None
    live = facts.addresses[claimed.channel].get(claimed.person_id, ())
    if not live:
        return Letter(claimed, verdict=Refused("no_address"))
    if not (opened := _open(app, live)):
        return Letter(claimed, verdict=Failed("unreadable"))
    # a person's devices are told apart by the end of their ids, which is drawn by chance
    return Letter(
        claimed,
        [(each, outbound(f"{claimed.id}-{each.id.hex[-12:]}", text)) for each, text in opened],
    )


def _open(app: App, live: Sequence[LiveAddress]) -> list[tuple[LiveAddress, str]]:
    """What addresses say; one that cannot be opened keeps a person's others from nothing."""
    opened = []
    for address in live:
        try:
            opened.append((address, app.vault.decrypt(address.address_sealed, ADDRESS)))
        except Exception as error:
            log.error("address not opened", address_id=str(address.id), exc_info=error)
    return opened


async def _phone(app: App, claimed: Claimed) -> str:
    if claimed.to_sealed is not None:
        return app.vault.decrypt(claimed.to_sealed, PHONE)
    assert claimed.person_id is not None
    return (await get_person(app, claimed.person_id)).phone


def next_way(
    claimed: Claimed, channels: Sequence[Channel], reach: Reach, now: datetime
) -> tuple[Channel, datetime] | None:
    """The channel to try after this one, and when."""
    if claimed.channel not in channels:
        return None
    after = channels[channels.index(claimed.channel) + 1 :]
    way = find_way(claimed.about, CLASSES[claimed.about], after, reach, now)
    return (way.channel, way.due_at) if way is not None else None
