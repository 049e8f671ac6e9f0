"""The door of notifications: say something to a person, to a phone, or to somebody's system.

Everything is sent in the caller's transaction: the message exists exactly when the caller's own
change does. The message's id follows from `key`, the permanent business key
("bill-paid:<intent id>"), and the recipient: sending again sends nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.people.directory import Person
from notifications.campaigns.audience import Audience as Audience
from notifications.channels.port import PROVIDERS
from notifications.messages import sending, store
from notifications.messages.sending import Envelope
from notifications.messages.store import inbox_topic as inbox_topic
from notifications.reach.platform_users import PlatformUsers as PlatformUsers
from notifications.reach.store import delete_platform_addresses as forget_platform_users
from notifications.reach.store import delete_session_addresses as forget_devices_of
from notifications.templates import domain
from notifications.templates.domain import Channel
from notifications.templates.domain import MessageClass as MessageClass
from notifications.templates.recipients import Member as Member
from notifications.templates.recipients import Parcel as Parcel
from notifications.templates.recipients import Phone as Phone
from notifications.templates.recipients import Recipient, name_of
from notifications.templates.template import InvalidParameters as InvalidParameters
from notifications.templates.template import Param as Param
from notifications.templates.template import Template as Template
from notifications.templates.template import templates_of
from notifications.webhooks.deliveries import Delivery as Delivery
from notifications.webhooks.deliveries import list_deliveries as list_webhook_deliveries
from notifications.webhooks.deliveries import replay as replay_webhook
from notifications.webhooks.models import Endpoint as WebhookEndpoint
from notifications.webhooks.service import add_endpoint as add_webhook
from notifications.webhooks.service import enable as enable_webhook
from notifications.webhooks.service import find_endpoint as find_webhook
from notifications.webhooks.service import move_endpoint as move_webhook
from notifications.webhooks.service import publish as publish_webhook
from notifications.webhooks.service import rotate_secret as rotate_webhook_secret

__all__ = [
    "Audience",
    "Delivery",
    "Envelope",
    "InvalidParameters",
    "Member",
    "MessageClass",
    "Param",
    "Parcel",
    "Phone",
    "PlatformUsers",
    "Template",
    "WebhookEndpoint",
    "add_webhook",
    "can_call",
    "cancel",
    "enable_webhook",
    "find_template",
    "find_webhook",
    "forget_devices_of",
    "forget_platform_users",
    "inbox_topic",
    "list_sent",
    "list_webhook_deliveries",
    "move_webhook",
    "notify",
    "publish_webhook",
    "replay_webhook",
    "rotate_webhook_secret",
    "send",
    "send_many",
    "text_state",
]


async def send(
    app: App,
    tx: Transaction,
    template: Template | str,
    to: Recipient,
    params: Mapping[str, object],
    key: str,
    *,
    deep_link: str | None = None,
    thread: str | None = None,
    at: datetime | None = None,
) -> UUID:
    """Send one message, in the language of its recipient; returns its id.

    `thread` is the thread of the inbox that it belongs to; before `at` it is not sent. Raises
    KeyError for a template that no room holds, InvalidParameters for a parameter that is missing,
    too many or of another type.
    """
    (message_id,) = await send_many(
        app, tx, template, [Parcel(to, params)], key, deep_link=deep_link, thread=thread, at=at
    )
    return message_id


async def send_many(
    app: App,
    tx: Transaction,
    template: Template | str,
    parcels: Sequence[Parcel],
    key: str = "",
    *,
    deep_link: str | None = None,
    thread: str | None = None,
    at: datetime | None = None,
) -> list[UUID]:
    """Send one template to many at once; returns the ids in their order. Raises as `send`.

    `key` is that of all parcels that have none of their own. Of a hundred thousand, a thousand in a
    transaction is a good measure.
    """
    declared = find_template(app, template if isinstance(template, str) else template.id)
    return await sending.send_many(
        app, tx, declared, parcels, Envelope(key, deep_link=deep_link, thread=thread, at=at)
    )


async def cancel(app: App, tx: Transaction, key: str, to: Recipient) -> bool:
    """Take back a message that was scheduled, or that no provider has been given yet; what stands
    in an inbox stays. False where it is too late, or where there is none."""
    message_id = domain.message_id(key, name_of(app.vault, to))
    return await store.cancel(tx, message_id, app.clock.now())


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
    """Send one of several templates that are filled from the same values, of which each takes
    those it has. Raises as `send`."""
    found = find_template(app, template)
    await send(app, tx, found, person, found.pick(values), key, deep_link=deep_link)


async def text_state(db: Transaction, key: str) -> str | None:
    """How a message that leaves the inbox gets on: "queued", "sent" (a provider took it) or
    "failed"; None for no such key."""
    state = await store.find_text_state(db, key)
    return domain.text_state(state) if state else None


def can_call(app: App) -> bool:
    """Whether this installation has a provider that reads messages out (`Template.by_voice`)."""
    providers = app.extensions(PROVIDERS)
    return any(one.channel is Channel.VOICE and one.is_set_up(app) for one in providers)


async def list_sent(keys: Collection[str]) -> Collection[str]:
    """Those of some business keys under which there is a message."""
    return await store.list_known_keys(keys)


def find_template(app: App, template_id: str) -> Template:
    """A template by id. Raises KeyError when no room holds it."""
    return templates_of(app)[template_id]
