"""The tables of notifications. Texts and phones are sealed (core.security.vault)."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

BODY = "notifications.body"
TITLE = "notifications.title"
PHONE = "notifications.phone"


class Message(Model):
    """A message in a person's inbox. `key` is the permanent business key: one message each."""

    id = fields.UUIDField(primary_key=True)
    person_id = fields.UUIDField()
    key = fields.CharField(max_length=128, unique=True)
    template = fields.CharField(max_length=64)
    title_sealed = fields.BinaryField()
    body_sealed = fields.BinaryField()
    deep_link = fields.CharField(max_length=256, null=True)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_message"
        indexes = (("person_id", "id"),)


MESSAGES = PersonalTable(
    Message,
    owner="person_id",
    exported=section("messages", "created_at", "read_at", title="title_sealed", body="body_sealed"),
    sealed=(Sealed("title_sealed", TITLE), Sealed("body_sealed", BODY)),
    erased=DELETED,
)


class Delivery(Model):
    """One text on its way through one channel: to a person's phone, or to a bare phone number."""

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=128, unique=True)
    person_id = fields.UUIDField(null=True)
    to_sealed = fields.BinaryField(null=True)
    body_sealed = fields.BinaryField()
    state = fields.CharField(max_length=16)
    receipt_ref = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_delivery"


DELIVERIES = PersonalTable(
    Delivery,
    owner="person_id",
    sealed=(Sealed("body_sealed", BODY), Sealed("to_sealed", PHONE)),
    erased=DELETED,
)

PERSONAL = PersonalData("notifications", (MESSAGES, DELIVERIES))
