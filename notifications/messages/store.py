"""Every query of messages and their deliveries."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from notifications.messages.models import Delivery, Message
from notifications.templates.domain import Channel, MessageClass, SendLane


@dataclass(frozen=True, slots=True, repr=False)
class NewMessage:
    """A row of `notifications_message` to insert."""

    id: UUID
    key: str
    person_id: UUID | None
    to_sealed: bytes | None
    template: str
    version: int
    about: str
    title_sealed: bytes
    body_sealed: bytes
    deep_link: str | None
    thread: str | None
    campaign_id: UUID | None
    scheduled_at: datetime | None
    position: UUID | None
    created_at: datetime


class Addressed(Protocol):
    """What a delivery needs to know of its message."""

    @property
    def id(self) -> UUID:
        """The message."""

    @property
    def person_id(self) -> UUID | None:
        """Whose it is."""


@dataclass(frozen=True, slots=True)
class Released:
    """A message whose moment has come."""

    id: UUID
    person_id: UUID | None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A row of `notifications_delivery` to insert."""

    id: UUID
    message_id: UUID
    person_id: UUID | None
    channel: Channel
    lane: SendLane
    created_at: datetime
    due_at: datetime
    expires_at: datetime


_MESSAGE_TYPES = (
    *("uuid", "text", "uuid", "bytea", "text", "int", "text", "bytea", "bytea"),
    *("text", "text", "uuid", "timestamptz", "uuid", "timestamptz"),
)
_DELIVERY_TYPES = (
    *("uuid", "uuid", "uuid", "text", "text"),
    *("timestamptz", "timestamptz", "timestamptz"),
)


def _names(row: type) -> str:
    return ", ".join(field.name for field in fields(row))


def _unnest(types: Sequence[str], first: int = 1) -> str:
    arrays = (f"${number}::{kind}[]" for number, kind in enumerate(types, first))
    return f"unnest({', '.join(arrays)})"


def _columns(rows: Sequence[object], row: type) -> list[list[object]]:
    return [[getattr(each, field.name) for each in rows] for field in fields(row)]


_INSERT_MESSAGES = f"""
WITH new AS (
  SELECT * FROM {_unnest(_MESSAGE_TYPES)} AS n ({_names(NewMessage)})
), message AS (
  INSERT INTO notifications_message ({_names(NewMessage)}) SELECT * FROM new
  ON CONFLICT (id) DO NOTHING RETURNING id
), delivery AS (
  INSERT INTO notifications_delivery ({_names(NewDelivery)}, state, attempts)
  SELECT d.*, 'created', 0
    FROM {_unnest(_DELIVERY_TYPES, len(_MESSAGE_TYPES) + 1)} AS d ({_names(NewDelivery)})
    JOIN message ON message.id = d.message_id
  ON CONFLICT (id) DO NOTHING RETURNING id, message_id
), wake AS (
  SELECT * FROM unnest(${len(_MESSAGE_TYPES) + len(_DELIVERY_TYPES) + 1}::uuid[],
                       ${len(_MESSAGE_TYPES) + len(_DELIVERY_TYPES) + 2}::text[]) AS w (id, body)
)
SELECT message.id AS message_id, delivery.id AS delivery_id,
       CASE WHEN wake.body IS NOT NULL THEN pg_notify('{bus.CHANNEL}', wake.body) END
  FROM message LEFT JOIN delivery ON delivery.message_id = message.id
  LEFT JOIN wake ON wake.id = message.id
"""  # noqa: S608 - no outside value in it
"""Messages that are new, with their first deliveries, and a wake-up for each inbox."""


async def insert_messages(
    tx: Transaction, messages: Sequence[NewMessage], deliveries: Sequence[NewDelivery]
) -> Mapping[UUID, UUID | None]:
    """The messages that are new, each with its first delivery where it has one."""
    shown = [message for message in messages if message.position is not None]
    rows = await fetch_all(
        tx,
        _INSERT_MESSAGES,
        *_columns(messages, NewMessage),
        *_columns(deliveries, NewDelivery),
        [message.id for message in shown],
        [bus.message_body(inbox_topic(m.person_id), str(m.position)) for m in shown],
    )
    return {row["message_id"]: row["delivery_id"] for row in rows}


_INSERT_DELIVERIES = f"""
INSERT INTO notifications_delivery ({_names(NewDelivery)}, state, attempts)
SELECT d.*, 'created', 0 FROM {_unnest(_DELIVERY_TYPES)} AS d ({_names(NewDelivery)})
ON CONFLICT (id) DO NOTHING RETURNING id
"""  # noqa: S608 - no outside value in it


async def insert_deliveries(tx: Transaction, deliveries: Sequence[NewDelivery]) -> list[UUID]:
    """The ids of those that are new."""
    rows = await fetch_all(tx, _INSERT_DELIVERIES, *_columns(deliveries, NewDelivery))
    return [row["id"] for row in rows]


async def take_scheduled(tx: Transaction, ids: Sequence[UUID]) -> Mapping[str, Sequence[Released]]:
    """Put scheduled messages into their inboxes; those that were still to be sent, by template."""
    rows = await fetch_all(
        tx,
        """UPDATE notifications_message m SET scheduled_at = NULL,
                  position = CASE WHEN person_id IS NULL THEN NULL ELSE due.position END
             FROM unnest($1::uuid[], $2::uuid[]) AS due (id, position)
            WHERE m.id = due.id AND scheduled_at IS NOT NULL
           RETURNING m.id, person_id, template""",
        list(ids),
        [new_id() for _ in ids],
    )
    released: dict[str, list[Released]] = defaultdict(list)
    for row in rows:
        released[row["template"]].append(Released(row["id"], row["person_id"]))
    return released


async def cancel(tx: Transaction, message_id: UUID, now: datetime) -> bool:
    """Take back a message that nobody has been given yet; False where it is too late."""
    rows = await fetch_all(
        tx,
        """WITH unsent AS (
             UPDATE notifications_message SET scheduled_at = NULL
              WHERE id = $1 AND scheduled_at IS NOT NULL RETURNING id
           ), waiting AS (
             UPDATE notifications_delivery SET state = 'cancelled', error = 'cancelled',
                    ended_at = $2
              WHERE message_id = $1 AND state = 'created'
                AND (lease_until IS NULL OR lease_until <= $2) RETURNING id)
           SELECT id FROM unsent UNION ALL SELECT id FROM waiting""",
        message_id,
        now,
    )
    return bool(rows)


def inbox_topic(person_id: UUID | None) -> str:
    """The bus topic on which new messages of a person are announced."""
    return f"inbox:{person_id}"


async def list_known_keys(keys: Collection[str]) -> Collection[str]:
    """Those of some business keys under which there is a message."""
    return {row.key for row in await Message.filter(key__in=list(keys)).only("key")}


async def find_text_state(db: Transaction, key: str) -> str | None:
    """The state of the newest delivery of the message with a business key."""
    row = await fetch_one(
        db,
        """SELECT d.state FROM notifications_message m
             JOIN notifications_delivery d ON d.message_id = m.id
            WHERE m.key = $1 ORDER BY d.created_at DESC, d.state <> 'created' LIMIT 1""",
        key,
    )
    return row["state"] if row else None


async def delete_bare_texts(before: datetime) -> None:
    """Forget messages to phones without a person that were written before a moment."""
    await connection().execute_query(
        """WITH old AS (DELETE FROM notifications_message
                         WHERE person_id IS NULL AND created_at < $1 RETURNING id)
           DELETE FROM notifications_delivery d USING old WHERE d.message_id = old.id""",
        [before],
    )


async def list_messages(
    person_id: UUID, *, first: int, before: UUID | None, thread: str | None = None
) -> Sequence[Message]:
    """A person's messages, newest first; of one thread where it is named."""
    messages = Message.filter(person_id=person_id, position__not_isnull=True)
    if before is not None:
        messages = messages.filter(position__lt=before)
    if thread is not None:
        messages = messages.filter(thread=thread)
    return await messages.order_by("-position").limit(first)


async def list_new_messages(person_id: UUID, *, after: UUID, limit: int) -> Sequence[Message]:
    """A person's messages with positions above `after`, oldest first."""
    messages = Message.filter(person_id=person_id, position__gt=after)
    return await messages.order_by("position").limit(limit)


async def find_newest_position(person_id: UUID) -> UUID | None:
    """The position of a person's newest message."""
    messages = Message.filter(person_id=person_id, position__not_isnull=True)
    newest = await messages.order_by("-position").first()
    return newest.position if newest else None


async def count_unread(person_id: UUID) -> int:
    """How many messages a person has not read."""
    return await Message.filter(
        person_id=person_id, read_at=None, position__not_isnull=True
    ).count()


async def mark_read(app: App, person_id: UUID, message_id: UUID) -> Message | None:
    """Mark a message as read once; returns it, None where it is not this person's."""
    await Message.filter(id=message_id, person_id=person_id, read_at=None).update(
        read_at=app.clock.now()
    )
    return await Message.get_or_none(id=message_id, person_id=person_id)


async def list_created(ids: Sequence[UUID]) -> Sequence[Delivery]:
    """Those of the deliveries that are still to be handed over."""
    return await Delivery.filter(id__in=ids, state="created")


@dataclass(frozen=True, slots=True, repr=False)
class Claimed:
    """A delivery that this worker has in hand, with the message's text."""

    id: UUID
    message_id: UUID
    person_id: UUID | None
    channel: Channel
    lane: SendLane
    attempts: int
    expires_at: datetime
    about: MessageClass
    template: str
    campaign_id: UUID | None
    campaign_state: str | None
    to_sealed: bytes | None
    title_sealed: bytes
    body_sealed: bytes
    deep_link: str | None


_OF_MESSAGE = frozenset(
    ("about", "template", "campaign_id", "to_sealed", "title_sealed", "body_sealed", "deep_link")
)
_CLAIMED = ", ".join(
    f"{'m' if field.name in _OF_MESSAGE else 'd'}.{field.name}"
    for field in fields(Claimed)
    if field.name != "campaign_state"
)

_CLAIM = f"""
UPDATE notifications_delivery d SET lease_until = $2 + $3::interval, attempts = d.attempts + 1
  FROM notifications_message m, (
    SELECT id FROM notifications_delivery
     WHERE id = ANY($1) AND state = 'created' AND due_at <= $2
       AND (lease_until IS NULL OR lease_until <= $2)
     ORDER BY id FOR UPDATE SKIP LOCKED) free
 WHERE d.id = free.id AND m.id = d.message_id
RETURNING {_CLAIMED}, (SELECT c.state FROM notifications_campaign c
                        WHERE c.id = m.campaign_id) AS campaign_state
"""  # noqa: S608 - no outside value in it


async def claim(ids: Sequence[UUID], now: datetime, lease: timedelta) -> list[Claimed]:
    """Take in hand those of the deliveries that are due and that nobody else has in hand."""
    rows = await fetch_all(connection(), _CLAIM, list(ids), now, lease)
    return [
        Claimed(
            **row
            | {
                "channel": Channel(row["channel"]),
                "lane": SendLane(row["lane"]),
                "about": MessageClass(row["about"]),
            }
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a delivery in hand. In the state "created" it is due again at `due_at`."""

    id: UUID
    state: str
    attempts: int
    provider: str | None
    provider_ref: str | None
    error: str | None
    due_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None


_SETTLED_TYPES = (*("uuid", "text", "int", "text", "text", "text"), *("timestamptz",) * 3)
_SETTLE = f"""
UPDATE notifications_delivery d
   SET state = s.state, attempts = s.attempts, provider = coalesce(s.provider, d.provider),
       provider_ref = coalesce(s.provider_ref, d.provider_ref), error = s.error,
       due_at = s.due_at, sent_at = s.sent_at, ended_at = s.ended_at, lease_until = NULL
  FROM {_unnest(_SETTLED_TYPES)} AS s ({_names(Settled)})
 WHERE d.id = s.id AND d.state = 'created' RETURNING d.id
"""  # noqa: S608 - no outside value in it


async def settle(tx: Transaction, settled: Sequence[Settled]) -> list[Settled]:
    """Note what became of deliveries; returns those that nobody has ended meanwhile."""
    rows = await fetch_all(tx, _SETTLE, *_columns(settled, Settled))
    written = {row["id"] for row in rows}
    return [each for each in settled if each.id in written]


async def next_due_at(tx: Transaction, ids: Sequence[UUID]) -> tuple[list[UUID], datetime | None]:
    """The deliveries that are still to be handed over, and when the first can be tried.

    One whose message is gone, with its person, goes too: nobody could ever take it in hand.
    """
    rows = await fetch_all(
        tx,
        """WITH rest AS (
             SELECT d.id, greatest(d.due_at, d.lease_until) AS due_at, m.id IS NULL AS is_orphan
               FROM notifications_delivery d
               LEFT JOIN notifications_message m ON m.id = d.message_id
              WHERE d.id = ANY($1) AND d.state = 'created'
           ), forgotten AS (
             DELETE FROM notifications_delivery d USING rest WHERE d.id = rest.id AND is_orphan)
           SELECT id, due_at FROM rest WHERE NOT is_orphan""",
        list(ids),
    )
    return [row["id"] for row in rows], min((row["due_at"] for row in rows), default=None)
