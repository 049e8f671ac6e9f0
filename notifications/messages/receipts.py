"""Receipts: what providers say later of what they took.

One may come before we have noted that the provider took the message: it is kept, and applied
within a minute of the note. Later, worse news overrides better, never the other way round; what
nobody asked for is dropped after three days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.database import Transaction, fetch_all
from notifications.messages.outside import kept_ref

KEPT = timedelta(days=3)

STATES = ("delivered", "temporary-failure", "permanent-failure")
"""From the best to the worst."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's word on a message that it took, by the provider's own name for it."""

    provider: str
    provider_ref: str
    state: str
    """One of `STATES`."""


_APPLY = """
UPDATE notifications_delivery d SET state = r.state, ended_at = $4
  FROM (SELECT provider, provider_ref, (array_agg(state ORDER BY rank DESC))[1] AS state,
               max(rank) AS rank
          FROM (SELECT *, array_position($5::text[], state) AS rank
                  FROM unnest($1::text[], $2::text[], $3::text[])
                    AS n (provider, provider_ref, state)) ranked
         GROUP BY provider, provider_ref) r
 WHERE d.provider = r.provider AND d.provider_ref = r.provider_ref
   AND d.state IN ('sending', 'sent', 'delivered', 'temporary-failure')
   AND coalesce(array_position($5::text[], d.state), 0) < r.rank
"""

_KEEP = """
INSERT INTO notifications_receipt (id, provider, provider_ref, state, received_at)
SELECT gen_random_uuid(), n.provider, n.provider_ref, n.state, $4
  FROM unnest($1::text[], $2::text[], $3::text[]) AS n (provider, provider_ref, state)
 WHERE NOT EXISTS (SELECT 1 FROM notifications_delivery d
                    WHERE d.provider = n.provider AND d.provider_ref = n.provider_ref)
"""

_TAKE_KNOWN = """
DELETE FROM notifications_receipt r USING notifications_delivery d
 WHERE r.provider = d.provider AND r.provider_ref = d.provider_ref
RETURNING r.provider, r.provider_ref, r.state
"""


async def hear(tx: Transaction, receipts: Sequence[Receipt], now: datetime) -> int:
    """Apply receipts; returns how many are of messages that are not known yet, and kept.

    They are kept before they are applied: of a message that becomes known in between both is done,
    and applying it again changes nothing.
    """
    kept = await fetch_all(tx, f"{_KEEP} RETURNING 1", *_columns(receipts), now)
    await _apply(tx, receipts, now)
    return len(kept)


async def apply_kept(tx: Transaction, now: datetime) -> None:
    """Apply what came before its message's note."""
    rows = await fetch_all(tx, _TAKE_KNOWN)
    if rows:
        await _apply(tx, [Receipt(**row) for row in rows], now)


async def forget(db: Transaction, before: datetime) -> None:
    """Drop receipts that nobody asked for and that came before a moment."""
    await fetch_all(
        db, "DELETE FROM notifications_receipt WHERE received_at < $1 RETURNING 1", before
    )


async def _apply(tx: Transaction, receipts: Sequence[Receipt], now: datetime) -> None:
    await fetch_all(tx, f"{_APPLY} RETURNING d.id", *_columns(receipts), now, list(STATES))


def _columns(receipts: Sequence[Receipt]) -> list[list[str]]:
    return [
        [receipt.provider for receipt in receipts],
        [kept_ref(receipt.provider_ref) for receipt in receipts],
        [receipt.state for receipt in receipts],
    ]
