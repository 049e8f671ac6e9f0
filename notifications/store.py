"""Every query of notifications."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import Transaction, fetch_one
from core.ids import new_id
from notifications.models import BODY, PHONE, TITLE, Delivery, Message


async def insert_message(
    app: App,
    tx: Transaction,
    *,
    person_id: UUID,
    key: str,
    template: str,
    title: str,
    body: str,
    deep_link: str | None,
    topic: str,
) -> UUID | None:
    """The new message's id, told on a topic of the bus; None where the key has one already."""
    message_id = new_id()
    row = await fetch_one(
        tx,
        """INSERT INTO notifications_message
             (id, person_id, key, template, title_sealed, body_sealed, deep_link, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) DO NOTHING
           RETURNING id, pg_notify($9, $10)""",
        message_id,
        person_id,
        key,
        template,
        app.vault.encrypt(title, TITLE),
        app.vault.encrypt(body, BODY),
        deep_link,
        app.clock.now(),
        bus.CHANNEL,
        bus.message_body(topic, str(message_id)),
    )
    return row["id"] if row else None


async def insert_delivery(
    app: App,
    tx: Transaction,
    *,
    key: str,
    text: str,
    phone: str | None = None,
    person_id: UUID | None = None,
) -> UUID | None:
    """The new delivery's id, or None where the key has one already."""
    row = await fetch_one(
        tx,
        """INSERT INTO notifications_delivery
             (id, key, person_id, to_sealed, body_sealed, state, created_at)
           VALUES ($1, $2, $3, $4, $5, 'queued', $6) ON CONFLICT (key) DO NOTHING RETURNING id""",
        new_id(),
        key,
        person_id,
        app.vault.encrypt(phone, PHONE) if phone else None,
        app.vault.encrypt(text, BODY),
        app.clock.now(),
    )
    return row["id"] if row else None


async def find_delivery(delivery_id: UUID) -> Delivery | None:
    """A delivery by id."""
    return await Delivery.get_or_none(id=delivery_id)


async def find_text_state(db: Transaction, key: str) -> str | None:
    """The state of the delivery with a business key."""
    row = await fetch_one(db, "SELECT state FROM notifications_delivery WHERE key = $1", key)
    return row["state"] if row else None


async def reject_delivery(tx: Transaction, delivery: Delivery) -> None:
    """Mark a delivery as refused by the gateway for good."""
    await Delivery.filter(id=delivery.id, state="queued").using_db(tx).update(state="failed")


async def delete_bare_texts(before: datetime) -> None:
    """Forget texts to phones without a person that were written before a moment."""
    await Delivery.filter(person_id=None, created_at__lt=before).delete()


async def settle_delivery(app: App, tx: Transaction, delivery: Delivery, receipt: str) -> None:
    """Mark a delivery as accepted by the gateway."""
    await (
        Delivery.filter(id=delivery.id, state="queued")
        .using_db(tx)
        .update(state="sent", receipt_ref=receipt, sent_at=app.clock.now())
    )


async def list_messages(person_id: UUID, *, first: int, before: UUID | None) -> Sequence[Message]:
    """A person's messages, newest first."""
    messages = Message.filter(person_id=person_id)
    if before is not None:
        messages = messages.filter(id__lt=before)
    return await messages.order_by("-id").limit(first)


async def list_new_messages(person_id: UUID, *, after: UUID, limit: int) -> Sequence[Message]:
    """A person's messages with ids above `after`, oldest first."""
    return await Message.filter(person_id=person_id, id__gt=after).order_by("id").limit(limit)


async def find_newest_message_id(person_id: UUID) -> UUID | None:
    """The id of a person's newest message."""
    newest = await Message.filter(person_id=person_id).order_by("-id").first()
    return newest.id if newest else None


async def count_unread(person_id: UUID) -> int:
    """How many messages a person has not read."""
    return await Message.filter(person_id=person_id, read_at=None).count()


async def mark_read(app: App, person_id: UUID, message_id: UUID) -> Message | None:
    """Mark a message as read once; returns it, None where it is not this person's."""
    await Message.filter(id=message_id, person_id=person_id, read_at=None).update(
        read_at=app.clock.now()
    )
    return await Message.get_or_none(id=message_id, person_id=person_id)
