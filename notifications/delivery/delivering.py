"""Delivering a chunk: claim, address, hand over, note what became of each, try the next channel.

A chunk may be given to two workers, and a worker may die with one in hand. What is claimed is
leased, so nobody else sends it meanwhile; when a lease ends without a note, it is sent again under
the same reference, which the provider knows.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction, connection, transaction
from notifications.campaigns import service as campaigns
from notifications.channels.port import Failed, Refused, Taken
from notifications.delivery import handover
from notifications.delivery.addressing import PAUSED_FOR, Dropped, Postponed, address_all, next_way
from notifications.delivery.handing import Result, hand_over
from notifications.messages import store
from notifications.messages.store import NewDelivery, Settled
from notifications.operations import switches, tally
from notifications.reach import store as reach_store
from notifications.templates.domain import (
    ATTEMPTS_BEFORE_NEXT,
    ATTEMPTS_MAX,
    Channel,
    SendLane,
    delivery_id,
    retry_gap,
)
from notifications.templates.lanes import DELIVER
from notifications.templates.template import Template, templates_of

_LEASE = timedelta(seconds=60)
"""Longer than the wait for room and two providers' silence."""


async def deliver_chunk(app: App, ids: Sequence[UUID], lane: SendLane) -> None:
    """Hand over those of the deliveries that are due. Repeat-safe.

    What a provider refuses has failed for good; silence is tried again, ever more seldom.
    """
    paused = await switches.find_paused(app)
    if f"lane:{lane}" in paused:
        async with transaction() as tx:
            await app.queue.enqueue(tx, [DELIVER[lane].later(list(ids), after=PAUSED_FOR)])
        return
    async with _desk(app, lane):
        claimed = await store.claim(ids, app.clock.now(), _LEASE)
        letters = await address_all(app, claimed)
    results = await hand_over(app, letters, lane, paused)
    async with _desk(app, lane):
        await _write_down(app, ids, lane, results)


def _desk(app: App, lane: SendLane) -> asyncio.Lock:
    """Where one chunk of a lane at a time is read and written in this process. More at once would
    be no faster, as both are work; they would keep a provider's answer waiting for its note."""
    return app.once(f"notifications.desk.{lane}", asyncio.Lock)


async def _write_down(
    app: App, ids: Sequence[UUID], lane: SendLane, results: Sequence[Result]
) -> None:
    """The states that results lead to, with what follows on them."""
    now = app.clock.now()
    following = await _find_following(app, results, now)
    settled = [settle(result, now, has_next=_id(result) in following) for result in results]
    gone = [address for result in results for address in result.gone]
    notes = {note for result in results for note in result.notes}
    async with transaction() as tx:
        if settled:
            settled = await store.settle(tx, settled)
        if notes:
            await handover.delete(tx, notes)
        if gone:
            await reach_store.note_gone(tx, gone, now)
        ended = {each.id for each in settled if each.state in _MOVES_ON}
        await _enqueue_next(app, tx, [d for key, d in following.items() if key in ended])
        await _enqueue_rest(app, tx, ids, lane)
        await _count(tx, results, settled)
    tried = {_id(result) for result in results if not isinstance(result.verdict, Postponed)}
    outcomes = [(each.provider, each.state) for each in settled if each.id in tried]
    await tally.note(app, lane, outcomes)


_MOVES_ON = frozenset({"permanent-failure", "temporary-failure"})


def settle(result: Result, now: datetime, *, has_next: bool) -> Settled:
    """The row that a result leads to. `has_next`: another channel would take it over."""
    claimed = result.letter.claimed
    name = result.provider.name if result.provider is not None else None

    def state(
        to: str, error: str | None = None, *, ref: str | None = None, due_at: datetime = now
    ) -> Settled:
        attempts = claimed.attempts - isinstance(result.verdict, Postponed)
        sent_at = now if isinstance(result.verdict, Taken) else None
        ended_at = None if to in ("created", "sending", "sent") else now
        return Settled(claimed.id, to, attempts, name, ref, error, due_at, sent_at, ended_at)

    match result.verdict:
        case Taken(ref):
            confirms = result.provider is not None and result.provider.confirms
            return state("sending" if confirms else "sent", ref=ref)
        case Refused(reason):
            return state("permanent-failure", reason)
        case Dropped(reason):
            return state("cancelled", reason)
        case Postponed(due_at, reason):
            return state("created", reason, due_at=due_at)
        case Failed(reason) if has_next and (
            result.is_unserved or claimed.attempts >= ATTEMPTS_BEFORE_NEXT
        ):
            return state("temporary-failure", reason)
        case Failed(reason) if claimed.attempts >= ATTEMPTS_MAX:
            return state("technical-failure", reason)
        case Failed(reason):
            return state("created", reason, due_at=now + retry_gap(claimed.attempts))


async def _count(tx: Transaction, results: Sequence[Result], settled: Sequence[Settled]) -> None:
    """Counters last: their rows are shared, and stay locked until the commit."""
    dead, sent = Counter[Channel](), Counter[UUID]()
    claimed_by_id = {_id(result): result.letter.claimed for result in results}
    for each in settled:
        claimed = claimed_by_id[each.id]
        dead[claimed.channel] += each.state == "technical-failure"
        if claimed.campaign_id is not None:
            sent[claimed.campaign_id] += each.sent_at is not None
    await campaigns.count_sent(tx, +sent)
    await tally.count_dead(tx, +dead)


def _id(result: Result) -> UUID:
    return result.letter.claimed.id


async def _find_following(
    app: App, results: Sequence[Result], now: datetime
) -> Mapping[UUID, NewDelivery]:
    """The delivery through the next channel, for those that their channel has not taken."""
    failed = [
        result.letter.claimed
        for result in results
        if isinstance(result.verdict, Failed | Refused) and result.letter.claimed.person_id
    ]
    people = {claimed.person_id for claimed in failed if claimed.person_id is not None}
    reach = await reach_store.find_reach(connection(), people)
    following = {}
    for claimed in failed:
        assert claimed.person_id is not None
        way = next_way(claimed, _channels(app, claimed.template), reach[claimed.person_id], now)
        if way is not None:
            channel, due_at = way
            following[claimed.id] = NewDelivery(
                id=delivery_id(claimed.message_id, channel),
                message_id=claimed.message_id,
                person_id=claimed.person_id,
                channel=channel,
                lane=claimed.lane,
                created_at=now,
                due_at=due_at,
                expires_at=claimed.expires_at,
            )
    return following


def _channels(app: App, template_id: str) -> Sequence[Channel]:
    """The channels of a template; of one that no service has any more, none."""
    template: Template | None = templates_of(app).get(template_id)
    return template.channels if template is not None else ()


async def _enqueue_next(app: App, tx: Transaction, deliveries: Sequence[NewDelivery]) -> None:
    by_lane: dict[SendLane, list[UUID]] = defaultdict(list)
    new = set(await store.insert_deliveries(tx, deliveries)) if deliveries else set()
    for delivery in deliveries:
        if delivery.id in new:
            by_lane[delivery.lane].append(delivery.id)
    await app.queue.enqueue(tx, [DELIVER[lane].later(ids) for lane, ids in by_lane.items()])


async def _enqueue_rest(app: App, tx: Transaction, ids: Sequence[UUID], lane: SendLane) -> None:
    """A job for what is still to be handed over, when the first of it can be tried."""
    left, due_at = await store.next_due_at(tx, ids)
    if due_at is not None:
        wait = max(due_at - app.clock.now(), timedelta(0))
        await app.queue.enqueue(tx, [DELIVER[lane].later(left, after=wait)])
