"""The tables of messages. Texts and phones are sealed (core.security.vault)."""

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import DELETED, PersonalTable, Sealed, section
from notifications.templates.recipients import PHONE

BODY = "notifications.body"
TITLE = "notifications.title"
REF_MAX = 128
"""Characters of a provider's own name for a message."""
REASON_MAX = 64


class Message(Model):
    """A message to a person, in their inbox, or to a bare phone.

    `id` is a function of `key`, the permanent business key, and the recipient. Until
    `scheduled_at`, where it has one, it is not sent. `position` is its place in the inbox, ordered
    by time; None for what is in no inbox (yet). `thread` is the thread that it belongs to, such as
    "bill:<id>".
    """

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=128, db_index=True)
    person_id = fields.UUIDField(null=True)
    to_sealed = fields.BinaryField(null=True)
    template = fields.CharField(max_length=64)
    version = fields.IntField()
    about = fields.CharField(max_length=16)
    title_sealed = fields.BinaryField()
    body_sealed = fields.BinaryField()
    deep_link = fields.CharField(max_length=256, null=True)
    thread = fields.CharField(max_length=64, null=True)
    campaign_id = fields.UUIDField(null=True)
    scheduled_at = fields.DatetimeField(null=True)
    position = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_message"
        indexes = (("person_id", "position"),)


MESSAGES = PersonalTable(
    Message,
    owner="person_id",
    exported=section("messages", "created_at", "read_at", title="title_sealed", body="body_sealed"),
    sealed=(
        Sealed("title_sealed", TITLE),
        Sealed("body_sealed", BODY),
        Sealed("to_sealed", PHONE),
    ),
    erased=DELETED,
)


class Delivery(Model):
    """A message on its way through one channel.

    `id` is a function of the message and the channel, and what providers know it by. Until
    `lease_until` one worker has it in hand; before `due_at` nobody tries, after `expires_at` nobody
    tries any more. `error` says in one word why it failed last.
    """

    id = fields.UUIDField(primary_key=True)
    message_id = fields.UUIDField(db_index=True)
    person_id = fields.UUIDField(null=True, db_index=True)
    channel = fields.CharField(max_length=16)
    lane = fields.CharField(max_length=16)
    state = fields.CharField(max_length=24)
    provider = fields.CharField(max_length=32, null=True)
    provider_ref = fields.CharField(max_length=REF_MAX, null=True)
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=REASON_MAX, null=True)
    created_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    lease_until = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_delivery"


class Digest(Model):
    """A window of a person and a template whose messages leave the inbox as one."""

    id = fields.UUIDField(primary_key=True)
    person_id = fields.UUIDField()
    template = fields.CharField(max_length=64)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    items = fields.IntField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_digest"
        unique_together = (("person_id", "template", "starts_at"),)


class Rate(Model):
    """How much a provider was given in the present second, and in the last asking."""

    provider = fields.CharField(max_length=32, primary_key=True)
    second = fields.BigIntField()
    used = fields.IntField()
    granted = fields.IntField()

    class Meta:
        table = "notifications_rate"


class Receipt(Model):
    """A provider's word on a message whose taking is not noted yet."""

    id = fields.UUIDField(primary_key=True)
    provider = fields.CharField(max_length=32)
    provider_ref = fields.CharField(max_length=REF_MAX)
    state = fields.CharField(max_length=24)
    received_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "notifications_receipt"
        indexes = (("provider", "provider_ref"),)


class PushCid(Model):
    """JPush's own name for a push, noted before the first attempt; good for a day."""

    ref = fields.CharField(max_length=64, primary_key=True)
    cid = fields.CharField(max_length=96)
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "notifications_push_cid"


class Handover(Model):
    """What a provider took in one request, until the deliveries' own states say so.

    `taken` is the provider's own name of each (None where it gives none) by our ref. The table has
    no log: a database that crashes comes back without it.
    """

    id = fields.UUIDField(primary_key=True)
    provider = fields.CharField(max_length=32)
    taken = fields.JSONField[dict[str, str | None]]()
    taken_at = fields.DatetimeField()

    class Meta:
        table = "notifications_handover"


DIGESTS = PersonalTable(Digest, owner="person_id", erased=DELETED)
DELIVERIES = PersonalTable(Delivery, owner="person_id", erased=DELETED)

TABLES = (MESSAGES, DELIVERIES, DIGESTS)
