"""Deliveries that were given up: listed, and run again without flooding whoever is well again."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, fetch_all, transaction
from notifications.messages.models import Delivery
from notifications.operations import tally
from notifications.templates.domain import Channel, SendLane
from notifications.templates.lanes import CHUNK, DELIVER

RERUN_MAX = 10_000
RERUN_PER_S = 100
"""A chunk a second: who was down for hours is not met by all at once."""
_RERUN = "rerunDeadMessages"
LIFE = timedelta(hours=4)
"""What is run again has so long, however old it is."""


async def list_dead(*, first: int, before: UUID | None) -> Sequence[Delivery]:
    """Dead letters by id, the highest first."""
    dead = Delivery.filter(state="technical-failure")
    if before is not None:
        dead = dead.filter(id__lt=before)
    return await dead.order_by("-id").limit(first)


async def rerun(app: App, number: int) -> int:
    """Put so many of the oldest dead letters back; returns how many there were.

    Two who do so at once do not meet: each takes others.
    """
    async with transaction() as tx:
        return await _rerun(app, tx, number)


async def rerun_by_key(call: Call, number: int, key: str) -> int:
    """The same for an operator, once per key: the effect of a key is how many there were.

    Raises Conflict.
    """
    command = {"count": number}
    earlier = await recall_key(call, _RERUN, key, command)
    if earlier is not None:
        return earlier.int
    try:
        async with transaction() as tx:
            count = await _rerun(call.app, tx, number)
            claim = await claim_key(call, tx, _RERUN, key, command, effect_id=UUID(int=count))
            if claim.replayed:
                raise _SentTwice(claim.effect_id.int)
    except _SentTwice as first:
        return first.count
    return count


class _SentTwice(Exception):
    """The same key has put others back meanwhile: what this one took stays dead."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count


async def _rerun(app: App, tx: Transaction, number: int) -> int:
    now = app.clock.now()
    rows = await fetch_all(
        tx,
        """UPDATE notifications_delivery d
              SET state = 'created', attempts = 0, error = NULL, ended_at = NULL,
                  due_at = $2,
                  expires_at = greatest(d.expires_at, $2::timestamptz + $3::interval)
             FROM (SELECT id FROM notifications_delivery WHERE state = 'technical-failure'
                    ORDER BY ended_at, id LIMIT $1 FOR UPDATE SKIP LOCKED) dead
            WHERE d.id = dead.id RETURNING d.id, d.lane, d.channel""",
        min(number, RERUN_MAX),
        now,
        LIFE,
    )
    jobs, place = [], 0
    for lane in SendLane:
        ids = [row["id"] for row in rows if row["lane"] == lane]
        for start in range(0, len(ids), CHUNK):
            after = timedelta(seconds=place * CHUNK / RERUN_PER_S)
            jobs.append(DELIVER[lane].later(ids[start : start + CHUNK], after=after))
            place += 1
    await app.queue.enqueue(tx, jobs)
    left = Counter(Channel(row["channel"]) for row in rows)
    await tally.count_dead(tx, {channel: -count for channel, count in left.items()})
    return len(rows)
