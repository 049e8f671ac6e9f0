"""Writing messages in the caller's transaction: rows, deliveries and their jobs, or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import Transaction
from core.ids import new_id
from core.people.directory import Person
from core.queue.jobs import JobKind
from notifications.messages import digests, store
from notifications.messages.models import BODY, TITLE
from notifications.messages.store import NewDelivery, NewMessage
from notifications.reach import store as reach_store
from notifications.reach.domain import Reach, Way, find_way
from notifications.templates.domain import TO_PHONES, delivery_id, message_id
from notifications.templates.lanes import CHUNK, DELIVER
from notifications.templates.recipients import PHONE, Parcel, Phone, locale_of, name_of
from notifications.templates.template import Template, templates_of
from notifications.templates.texts import DIGEST_BODY

RELEASE = JobKind[list[UUID]]("notifications.release")
_BARE_PHONE = Reach(TO_PHONES)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all messages of one sending have in common."""

    key: str
    """Of those parcels that have none of their own."""
    deep_link: str | None = None
    thread: str | None = None
    campaign_id: UUID | None = None
    at: datetime | None = None
    """Not before this moment; None for now."""


async def send_many(
    app: App, tx: Transaction, template: Template, parcels: Sequence[Parcel], envelope: Envelope
) -> list[UUID]:
    """The ids of the messages, in the order of the parcels; those that exist already are left.

    Raises InvalidParameters before anything is written.
    """
    now = app.clock.now()  # one for all: each is scheduled, or none is
    is_now = envelope.at is None or envelope.at <= now
    scheduled_at = None if is_now else envelope.at
    messages = [_message(app, template, parcel, envelope, scheduled_at) for parcel in parcels]
    deliveries: list[NewDelivery] = []
    if template.digest is None and is_now:
        deliveries = await _deliveries(app, tx, template, messages)
    new = await store.insert_messages(tx, messages, deliveries)
    await enqueue(app, tx, template, [each for each in new.values() if each is not None])
    if scheduled_at is not None and new:
        await RELEASE.enqueue(app, tx, list(new), after=scheduled_at - now)
    elif template.digest is not None:
        people = [m.person_id for m in messages if m.id in new and m.person_id is not None]
        await digests.count_in(app, tx, template, people)
    return [message.id for message in messages]


async def release(app: App, tx: Transaction, ids: Sequence[UUID]) -> None:
    """Send what was scheduled and not cancelled meanwhile. Repeat-safe."""
    for template_id, messages in (await store.take_scheduled(tx, ids)).items():
        template = templates_of(app).get(template_id)
        if template is None:
            continue
        if template.digest is None:
            deliveries = await _deliveries(app, tx, template, messages)
            await enqueue(app, tx, template, await store.insert_deliveries(tx, deliveries))
        else:
            people = [each.person_id for each in messages if each.person_id is not None]
            await digests.count_in(app, tx, template, people)
        for message in messages:
            if message.person_id is not None:
                topic = store.inbox_topic(message.person_id)
                await bus.publish(tx, topic, str(message.id))


async def enqueue(app: App, tx: Transaction, template: Template, ids: Sequence[UUID]) -> None:
    """Have deliveries handed over, a chunk at a time."""
    kind = DELIVER[template.lane]
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    await app.queue.enqueue(tx, [kind.later(list(chunk)) for chunk in chunks])


async def send_digest(
    app: App, tx: Transaction, template: Template, person: Person, digest: digests.Closed
) -> None:
    """The word that stands for all messages of a window; it is in no inbox itself."""
    locale, key = locale_of(person), f"digest:{digest.id}"
    message = NewMessage(
        id=message_id(key, name_of(app.vault, person)),
        key=key,
        person_id=person.id,
        to_sealed=None,
        template=template.id,
        version=template.version,
        about=template.about,
        title_sealed=app.vault.encrypt(template.title.say(locale), TITLE),
        body_sealed=app.vault.encrypt(DIGEST_BODY.say(locale, count=digest.items), BODY),
        deep_link=None,
        thread=None,
        campaign_id=None,
        scheduled_at=None,
        position=None,
        created_at=app.clock.now(),
    )
    deliveries = await _deliveries(app, tx, template, [message])
    new = await store.insert_messages(tx, [message], deliveries)
    await enqueue(app, tx, template, [each for each in new.values() if each is not None])


def _message(
    app: App,
    template: Template,
    parcel: Parcel,
    envelope: Envelope,
    scheduled_at: datetime | None,
) -> NewMessage:
    title, body = template.render(locale_of(parcel.to), parcel.params)
    phone = parcel.to.number if isinstance(parcel.to, Phone) else None
    key = parcel.key or envelope.key
    if not key:
        raise ValueError(f"a message of {template.id} without a business key")
    return NewMessage(
        id=message_id(key, name_of(app.vault, parcel.to)),
        key=key,
        person_id=None if isinstance(parcel.to, Phone) else parcel.to.id,
        to_sealed=None if phone is None else app.vault.encrypt(phone, PHONE),
        template=template.id,
        version=template.version,
        about=template.about,
        title_sealed=app.vault.encrypt(title, TITLE),
        body_sealed=app.vault.encrypt(body, BODY),
        deep_link=envelope.deep_link,
        thread=envelope.thread,
        campaign_id=envelope.campaign_id,
        scheduled_at=scheduled_at,
        position=None if phone is not None or scheduled_at is not None else new_id(),
        created_at=app.clock.now(),
    )


async def _deliveries(
    app: App, tx: Transaction, template: Template, messages: Sequence[store.Addressed]
) -> list[NewDelivery]:
    """The first delivery of each message that leaves the inbox."""
    people = {message.person_id for message in messages if message.person_id is not None}
    reach: Mapping[UUID, Reach] = await reach_store.find_reach(tx, people)
    now, found = app.clock.now(), []
    for message in messages:
        known = reach[message.person_id] if message.person_id is not None else _BARE_PHONE
        way = find_way(template.about, template.rule, template.channels, known, now)
        if way is not None:
            found.append(_delivery(template, message, way, now))
    return found


def _delivery(template: Template, message: store.Addressed, way: Way, now: datetime) -> NewDelivery:
    return NewDelivery(
        id=delivery_id(message.id, way.channel),
        message_id=message.id,
        person_id=message.person_id,
        channel=way.channel,
        lane=template.lane,
        created_at=now,
        due_at=way.due_at,
        expires_at=way.due_at + template.valid_for,
    )
