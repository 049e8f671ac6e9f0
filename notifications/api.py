"""The door of notifications: send a text to a phone, or a message to a person.

Both take the caller's transaction: the message exists exactly when the caller's own change does.
Both are repeat-safe by `key`, the permanent business key ("bill-paid:<intent id>").
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.people.directory import Person
from core.rooms import ExtensionPoint
from core.texts import Locale
from notifications import store
from notifications.domain import Template as Template
from notifications.jobs import deliver

TEMPLATES = ExtensionPoint("notifications.templates", Template, key=lambda template: template.id)


async def send_text(app: App, tx: Transaction, *, phone: str, text: str, key: str) -> None:
    """Send a text to a phone that need not belong to anyone; it appears in no inbox."""
    delivery_id = await store.insert_delivery(app, tx, key=key, text=text, phone=phone)
    if delivery_id is not None:
        await deliver.enqueue(app, tx, delivery_id)


async def notify(
    app: App,
    tx: Transaction,
    *,
    person: Person,
    template: str,
    values: Mapping[str, object],
    key: str,
    deep_link: str | None = None,
) -> None:
    """Put a message into a person's inbox, in their language, and by SMS where the template says.

    Raises KeyError for a template that no room holds.
    """
    found = find_template(app, template)
    locale = Locale(person.locale)
    body = found.body.say(locale, **values)
    message_id = await store.insert_message(
        app,
        tx,
        person_id=person.id,
        key=key,
        template=template,
        title=found.title.say(locale, **values),
        body=body,
        deep_link=deep_link,
        topic=inbox_topic(person.id),
    )
    if message_id is not None and found.sms:
        delivery_id = await store.insert_delivery(
            app, tx, key=f"sms:{key}", text=body, person_id=person.id
        )
        if delivery_id is not None:
            await deliver.enqueue(app, tx, delivery_id)


async def text_state(db: Transaction, key: str) -> str | None:
    """How a text goes: "queued", "sent" (the gateway took it) or "failed"; None for no such key."""
    return await store.find_text_state(db, key)


async def list_sent(keys: Collection[str]) -> Collection[str]:
    """Those of some business keys that have a message already."""
    return await store.list_known_keys(keys)


def find_template(app: App, template_id: str) -> Template:
    """A template by id. Raises KeyError when no room holds it."""
    templates = {t.id: t for t in app.extensions(TEMPLATES)}
    return templates[template_id]


def inbox_topic(person_id: UUID) -> str:
    """The bus topic on which new messages of a person are told."""
    return f"inbox:{person_id}"
