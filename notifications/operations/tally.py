"""Counting what becomes of deliveries without a row per message: summed in the process, written
about once a second, read by operators as rates. Who dies loses a second of it."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from core.context.app import App
from core.context.gauges import GaugeSource
from core.database import Transaction, connection, fetch_all
from notifications.operations.models import Dead, Tally
from notifications.templates.domain import Channel, SendLane

FLUSH_EVERY_S = 1.0
RATE_OVER = timedelta(minutes=5)
KEPT = timedelta(days=7)

TAKEN = frozenset(("sent", "sending"))
FAILED = frozenset(("created", "temporary-failure", "permanent-failure", "technical-failure"))

Key = tuple[datetime, str, str, str]
"""Minute, lane, provider, outcome."""


@dataclass
class Pending:
    """What this process has counted and not written."""

    counts: Counter[Key] = field(default_factory=Counter)
    flushed_at_s: float = field(default_factory=time.monotonic)


async def note(app: App, lane: SendLane, outcomes: Iterable[tuple[str | None, str]]) -> None:
    """Count (provider, state) pairs of a chunk."""
    pending = app.once(Pending, Pending)
    minute = app.clock.now().replace(second=0, microsecond=0)
    pending.counts.update((minute, lane.value, name or "none", to) for name, to in outcomes)
    if time.monotonic() - pending.flushed_at_s >= FLUSH_EVERY_S:
        await flush(app)


async def flush(app: App) -> None:
    """Write what this process has counted."""
    pending = app.once(Pending, Pending)
    counts, pending.counts = pending.counts, Counter()
    pending.flushed_at_s = time.monotonic()
    if not counts:
        return
    keys = sorted(counts)
    await fetch_all(
        connection(),
        """INSERT INTO notifications_tally AS t (minute, lane, provider, outcome, count)
           SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::int[])
           ON CONFLICT (minute, lane, provider, outcome)
             DO UPDATE SET count = t.count + excluded.count RETURNING 1""",
        *([key[place] for key in keys] for place in range(4)),
        [counts[key] for key in keys],
    )


async def count_dead(tx: Transaction, counts: Mapping[Channel, int]) -> None:
    """Note that so many deliveries joined the dead letters, or (below 0) left them."""
    for channel in sorted(counts):
        await fetch_all(
            tx,
            """INSERT INTO notifications_dead AS d (channel, count) VALUES ($1, $2)
               ON CONFLICT (channel) DO UPDATE SET count = d.count + excluded.count
               RETURNING 1""",
            channel,
            counts[channel],
        )


async def recount_dead(tx: Transaction) -> None:
    """Count the dead letters anew: some were deleted, with their people or for their age.

    Whoever is about to count one waits for the lock, and has it counted once, here or there.
    """
    await tx.execute_query("LOCK TABLE notifications_dead IN SHARE ROW EXCLUSIVE MODE")
    await fetch_all(
        tx,
        """UPDATE notifications_dead AS d SET count = (
             SELECT count(*) FROM notifications_delivery
              WHERE state = 'technical-failure' AND channel = d.channel) RETURNING 1""",
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """What a lane gave to a provider lately, a minute on average."""

    lane: str
    provider: str
    outcome: str
    per_minute: float


async def list_rates(app: App) -> list[Rate]:
    """Rates over the last five minutes."""
    await flush(app)
    since = app.clock.now() - RATE_OVER
    rows = await fetch_all(
        connection(),
        """SELECT lane, provider, outcome, sum(count)::float8 AS number FROM notifications_tally
            WHERE minute > $1 GROUP BY lane, provider, outcome ORDER BY 1, 2, 3""",
        since,
    )
    minutes = RATE_OVER / timedelta(minutes=1)
    return [
        Rate(row["lane"], row["provider"], row["outcome"], row["number"] / minutes) for row in rows
    ]


async def find_dead(_app: App) -> Mapping[str, float]:
    """How many dead letters there are, by channel."""
    return {row.channel: float(row.count) for row in await Dead.all()}


async def forget(before: datetime) -> None:
    """Drop counts of minutes before a moment."""
    await Tally.filter(minute__lt=before).delete()


async def _per_minute(app: App, label: str, outcomes: frozenset[str]) -> Mapping[str, float]:
    found: dict[str, float] = defaultdict(float)
    for rate in await list_rates(app):
        if rate.outcome in outcomes:
            found[getattr(rate, label)] += rate.per_minute
    return found


SOURCES = (
    GaugeSource(
        "messages_taken_per_minute",
        "Messages that providers took.",
        "provider",
        partial(_per_minute, label="provider", outcomes=TAKEN),
    ),
    GaugeSource(
        "messages_failed_per_minute",
        "Attempts that came to nothing.",
        "provider",
        partial(_per_minute, label="provider", outcomes=FAILED),
    ),
    GaugeSource(
        "messages_sent_per_minute",
        "Messages that left, by lane.",
        "lane",
        partial(_per_minute, label="lane", outcomes=TAKEN),
    ),
    GaugeSource("messages_dead", "Messages that wait for somebody.", "channel", find_dead),
)
