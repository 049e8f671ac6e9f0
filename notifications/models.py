"""The tables of notifications. Texts and phones are sealed (core.security.vault)."""

from tortoise import fields
from tortoise.models import Model


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
