"""The rush: a queue before a release, a fair draw at it, admissions in the order that was drawn.

Everybody who came before the release is ordered by lot, so neither a fast line nor a script helps;
one person has one ticket, however often they tap. There are never more admissions than seats: who
is admitted has a seat for as long as the admission is good, and who does not come makes room for
the next, as does every seat that is given back. The queue goes before the waiting list and before
everybody without a ticket, for an hour at most. The seed of the lot is made when the queue
opens and its hash is shown then; the seed itself is shown after the draw, so that anybody can
recompute the order. Who comes after the draw stands behind those who were there.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, connection, transaction
from core.errors import Conflict, Forbidden, NotFound
from core.ids import new_id
from core.queue.jobs import JobKind, Lane, job, require_due
from core.refusal_texts import NOT_FOUND
from kinds.booking import bans, people, queue_store, texts
from kinds.booking.domain import LimitUse
from kinds.booking.models import Release, Resource, Slot, Ticket
from kinds.booking.policy import QueueRule, policy_of
from kinds.booking.slot_store import SlotFacts

ADMIT = JobKind[UUID, datetime]("appointments.admit")
"""kinds.booking.jobs, which imports this file."""
_STATUS_S = timedelta(seconds=1)
_MAC_BYTES = 16


class TicketState(StrEnum):
    """Where a ticket stands."""

    BEFORE_DRAW = "before_draw"
    WAITING = "waiting"
    ADMITTED = "admitted"
    PASSED = "passed"
    SOLD_OUT = "sold_out"


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """A ticket with everything its holder may know."""

    ticket: Ticket
    release: Release
    state: TicketState
    ahead: int | None
    admission: str | None


async def join(call: Call, resource_id: UUID) -> TicketStatus:
    """Stand in the queue of a place's next release. Repeat-safe by itself: one ticket each.

    Raises NotFound, and Conflict where no queue is open.
    """
    app = call.app
    resource = await Resource.get_or_none(id=resource_id)
    if resource is None:
        raise NotFound(NOT_FOUND)
    rule = policy_of(app, resource.service_id).queue
    viewer = call.require_viewer(app.services[resource.service_id].identity_level)
    own_key = await people.key_of(call, app.services[resource.service_id].identity_level)
    now = app.clock.now()
    moment = await queue_store.find_release_moment(resource_id, now) if rule else None
    if rule is None or moment is None or now < moment - rule.opens_before:
        raise Conflict(texts.QUEUE_CLOSED)
    await bans.refuse_banned(app, connection(), resource.service_id, own_key)
    async with transaction() as tx:
        release = await _open(app, tx, resource_id, moment, rule)
    await _draw_if_due(app, release)
    async with transaction() as tx:
        release = await queue_store.share_release(tx, resource_id, moment)
        ticket_id = await queue_store.ensure_ticket(
            tx, release.id, viewer.user_id, own_key, now, behind=release.drawn_at is not None
        )
    if release.drawn_at is not None and await queue_store.count_free(release) > 0:
        async with transaction() as tx:
            await let_in(app, tx, release.id)
    return await get_status(call, ticket_id)


async def get_status(call: Call, ticket_id: UUID) -> TicketStatus:
    """The viewer's ticket. Raises NotFound, also for somebody else's."""
    app, viewer = call.app, call.require_viewer()
    ticket = await Ticket.get_or_none(id=ticket_id, person_id=viewer.user_id)
    if ticket is None:
        raise NotFound(NOT_FOUND)
    release = await Release.get(id=ticket.release_id)
    if release.drawn_at is None:
        await _draw_if_due(app, release)
        await ticket.refresh_from_db()
        await release.refresh_from_db()
    now = app.clock.now()
    if ticket.position is None:
        return TicketStatus(ticket, release, TicketState.BEFORE_DRAW, None, None)
    if await queue_store.count_free(release) == 0:
        return TicketStatus(ticket, release, TicketState.SOLD_OUT, None, None)
    if is_over(release, now):
        until = now + (await _rule(app, release)).admission
    elif ticket.admitted_until is None:
        ahead = ticket.position - 1 - release.admitted
        return TicketStatus(ticket, release, TicketState.WAITING, ahead, None)
    else:
        until = ticket.admitted_until
    if until <= now:
        return TicketStatus(ticket, release, TicketState.PASSED, None, None)
    admission = _admission(app, release, ticket, until)
    return TicketStatus(ticket, release, TicketState.ADMITTED, 0, admission)


async def watch(call: Call, ticket_id: UUID) -> AsyncGenerator[TicketStatus]:
    """The viewer's ticket as it stands, now and each time its queue moves. Raises NotFound."""
    status = await get_status(call, ticket_id)
    async with aclosing(call.app.bus.wakes(topic(status.release.id))) as wakes:
        async for _ in wakes:
            yield await get_status(call, ticket_id)


@job("appointments.draw", lane=Lane.CRITICAL)
async def draw(app: App, release_id: UUID) -> None:
    """Job at the moment of release: order the queue and admit as many as there are seats.

    Repeat-safe. Raises Early before the release.
    """
    async with transaction() as tx:
        release = await queue_store.lock_release(tx, release_id)
        require_due(app.clock, release.releases_at)
        if release.drawn_at is not None:
            return
        await queue_store.order_tickets(tx, release)
        release.drawn_at = app.clock.now()
        await release.save(using_db=tx, update_fields=["drawn_at"])
        await _admit(app, tx, release)
        ends_at = release.releases_at + queue_store.LASTS
        await ADMIT.enqueue(app, tx, release.id, ends_at, after=ends_at - release.drawn_at)


async def _draw_if_due(app: App, release: Release) -> None:
    """Do what the job is about to do, for who asks at the moment of release."""
    if release.drawn_at is None and app.clock.now() >= release.releases_at:
        await draw(app, release.id)


async def let_in(app: App, tx: Transaction, release_id: UUID) -> tuple[UUID, Sequence[date]]:
    """Admit the next where a seat is free and promised to nobody. Repeat-safe.

    Returns the place and, where the queue has come to its end, the days with seats left.
    """
    release = await queue_store.lock_release(tx, release_id)
    place, now = release.resource_id, app.clock.now()
    if release.drawn_at is not None and not is_over(release, now):
        await _admit(app, tx, release)
    found = await queue_store.find_release(place, release.releases_at, now, tx)
    stands = found is None or found[1]
    return place, () if stands else await queue_store.list_days(tx, release)


async def seat_is_free(app: App, tx: Transaction, slot: Slot) -> bool:
    """A seat of a slot has come free: whether a queue stands before it, whose next is then let
    in."""
    if slot.releases_at is None or policy_of(app, slot.service_id).queue is None:
        return False
    now = app.clock.now()
    found = await queue_store.find_release(slot.resource_id, slot.releases_at, now, tx)
    if found is None or not found[1]:
        return False
    # in a transaction of its own: this one holds the slot's row
    await ADMIT.enqueue(app, tx, found[0], now)
    return True


async def stands_before(app: App, facts: SlotFacts) -> bool:
    """Whether a queue stands before a slot: its seats are promised to who is in it."""
    return await _find_standing(app, facts) is not None


async def refuse_unadmitted(
    call: Call, facts: SlotFacts, admission: str | None
) -> Sequence[LimitUse]:
    """Raise Forbidden while a queue stands before this slot and the caller is not admitted.

    Returns what a booking counts against by that: an admission is good for one seat, whoever it is
    for, as there is one seat for each.
    """
    app, release_id = call.app, await _find_standing(call.app, facts)
    if release_id is None:
        return ()
    viewer = call.require_viewer()
    if admission is None or not is_good(app, admission, release_id, viewer.user_id):
        raise Forbidden(texts.NOT_ADMITTED)
    return [(viewer.user_id.bytes, f"turn:{release_id}", 1)]


def is_good(app: App, admission: str, release_id: UUID, person_id: UUID) -> bool:
    """Whether an admission is ours, for this release and person, and not over."""
    try:
        raw = base64.b64decode(admission + "=" * (-len(admission) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    body, mac = raw[:8], raw[8:]
    good = hmac.compare_digest(mac, _mac(app, body, release_id, person_id))
    return good and app.clock.now() < datetime.fromtimestamp(int.from_bytes(body, "big"), UTC)


def is_over(release: Release, now: datetime) -> bool:
    """Whether a queue has had its time: what is free then is open to all."""
    return now >= release.releases_at + queue_store.LASTS


def topic(release_id: UUID) -> str:
    """The bus topic on which a queue's progress is told."""
    return f"appointments.queue:{release_id}"


async def _open(
    app: App, tx: Transaction, resource_id: UUID, moment: datetime, rule: QueueRule
) -> Release:
    """The queue of a release; the first to come opens it and orders the draw."""
    seed, release_id = secrets.token_bytes(32), new_id()
    opened = await queue_store.insert_release(
        tx, release_id, resource_id, moment, draw=rule.draw, seed=seed
    )
    if opened:
        after = max(moment - app.clock.now(), timedelta(0))
        await draw.enqueue(app, tx, release_id, after=after)
    return await queue_store.share_release(tx, resource_id, moment)


async def _admit(app: App, tx: Transaction, release: Release) -> None:
    """Let in as many more as there are seats that nobody admitted may still take."""
    now = app.clock.now()
    free = await queue_store.count_free(release, tx)
    promised, _ = await queue_store.count_promised(tx, release, now)
    if free > promised:
        until = now + (await _rule(app, release)).admission
        positions = await queue_store.admit_next(tx, release, free - promised, until)
        if positions:
            release.admitted = max(positions)
            await release.save(using_db=tx, update_fields=["admitted"])
            await bus.publish(tx, topic(release.id), release.admitted)
    promised, ends_at = await queue_store.count_promised(tx, release, now)
    if promised:
        # one job for each end of a turn, however many come late
        key = f"{release.id}:{ends_at.isoformat()}"
        await ADMIT.enqueue(app, tx, release.id, ends_at, key=key, after=ends_at - now)


async def _rule(app: App, release: Release) -> QueueRule:
    resource = await Resource.get(id=release.resource_id)
    rule = policy_of(app, resource.service_id).queue
    assert rule is not None
    return rule


def _admission(app: App, release: Release, ticket: Ticket, until: datetime) -> str:
    body = int(until.timestamp()).to_bytes(8, "big")
    mac = _mac(app, body, release.id, ticket.person_id)
    return base64.urlsafe_b64encode(body + mac).decode().rstrip("=")


def _mac(app: App, body: bytes, release_id: UUID, person_id: UUID) -> bytes:
    message = b"appointment-admission" + body + release_id.bytes + person_id.bytes
    return hmac.new(app.keys.pii_index, message, hashlib.sha256).digest()[:_MAC_BYTES]


async def _find_standing(app: App, facts: SlotFacts) -> UUID | None:
    """The queue that stands before a slot."""
    if facts.releases_at is None or policy_of(app, facts.service_id).queue is None:
        return None
    release = await _known_release(app, facts)
    return release[0] if release is not None and release[1] else None


async def _known_release(app: App, facts: SlotFacts) -> tuple[UUID, bool] | None:
    """The queue before a slot and whether it stands; a second old at most."""
    assert facts.releases_at is not None
    known: dict[tuple[UUID, datetime], tuple[datetime, tuple[UUID, bool] | None]]
    known = app.once("appointments.releases", dict)
    key, now = (facts.resource_id, facts.releases_at), app.clock.now()
    kept = known.get(key)
    if kept is None or not timedelta(0) <= now - kept[0] < _STATUS_S:
        kept = known[key] = (now, await queue_store.find_release(*key, now))
    return kept[1]
