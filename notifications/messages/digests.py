"""Digests: many messages of one template in one window leave the inbox as one.

Each stands in the inbox at once; what waits is the word about them. A window is one row, unique by
person, template and start, so that two who open it at the same moment open the same one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, fetch_all, fetch_one
from core.ids import new_id
from core.queue.jobs import JobKind
from notifications.messages.models import Digest
from notifications.reach.domain import window_start
from notifications.templates.template import Template

CLOSE = JobKind[UUID]("notifications.close_digest")


@dataclass(frozen=True, slots=True)
class Closed:
    """A window that is over, and how many messages it has."""

    id: UUID
    person_id: UUID
    template: str
    items: int


async def count_in(app: App, tx: Transaction, template: Template, people: Sequence[UUID]) -> None:
    """Count messages into the open windows of their people; whoever opens one has it closed."""
    assert template.digest is not None
    left, starts_at = Counter(people), window_start(app.clock.now(), template.digest)
    while left:
        ends_at = starts_at + template.digest
        taken = await _count(tx, template.id, left, starts_at, ends_at)
        wait = ends_at - app.clock.now()
        opened = [id_ for id_, is_new in taken.values() if is_new]
        await app.queue.enqueue(tx, [CLOSE.later(id_, after=wait) for id_ in opened])
        left = Counter({person: n for person, n in left.items() if person not in taken})
        starts_at = ends_at  # a window that has just been closed is followed by the next


async def _count(
    tx: Transaction,
    template: str,
    people: Counter[UUID],
    starts_at: datetime,
    ends_at: datetime,
) -> dict[UUID, tuple[UUID, bool]]:
    """The windows by person, and whether each is new; people whose window is closed have none."""
    ids = {person: new_id() for person in sorted(people)}
    rows = await fetch_all(
        tx,
        """INSERT INTO notifications_digest AS d
             (id, person_id, template, starts_at, ends_at, items)
           SELECT n.id, n.person_id, $1, $2, $3, n.items
             FROM unnest($4::uuid[], $5::uuid[], $6::int[]) AS n (id, person_id, items)
           ON CONFLICT (person_id, template, starts_at)
             DO UPDATE SET items = d.items + excluded.items WHERE d.closed_at IS NULL
           RETURNING d.id, d.person_id""",
        template,
        starts_at,
        ends_at,
        list(ids.values()),
        list(ids),
        [people[person] for person in ids],
    )
    return {row["person_id"]: (row["id"], row["id"] == ids[row["person_id"]]) for row in rows}


async def find_person(digest_id: UUID) -> UUID | None:
    """Whose window it is."""
    digest = await Digest.get_or_none(id=digest_id)
    return digest.person_id if digest else None


async def close(tx: Transaction, digest_id: UUID, now: datetime) -> Closed | None:
    """Close a window; None where it is closed already, or unknown."""
    row = await fetch_one(
        tx,
        """UPDATE notifications_digest SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL
           RETURNING id, person_id, template, items""",
        digest_id,
        now,
    )
    return Closed(**row) if row else None


async def forget(db: Transaction, before: datetime) -> None:
    """Drop windows that were closed before a moment."""
    await fetch_all(db, "DELETE FROM notifications_digest WHERE closed_at < $1 RETURNING 1", before)
