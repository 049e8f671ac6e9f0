"""The tables of outgoing webhooks."""

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import PersonalTable, Sealed, Stays

SEALED_FOR = "notifications.webhook"
BODY = "notifications.webhook_body"


class Endpoint(Model):
    """Where somebody's system wants news. While the key rotates there are two secrets."""

    id = fields.UUIDField(primary_key=True)
    url = fields.CharField(max_length=512)
    secret_sealed = fields.BinaryField()
    old_secret_sealed = fields.BinaryField(null=True)
    old_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    disabled_at = fields.DatetimeField(null=True)
    disabled_because = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "notifications_webhook_endpoint"


class Sequence(Model):
    """How many events an endpoint was sent of one object."""

    id = fields.BigIntField(primary_key=True)
    endpoint_id = fields.UUIDField()
    object_ref = fields.CharField(max_length=128)
    number = fields.BigIntField()

    class Meta:
        table = "notifications_webhook_sequence"
        unique_together = (("endpoint_id", "object_ref"),)


class Event(Model):
    """One event for one endpoint; its id is the `webhook-id`, the same at every attempt."""

    id = fields.UUIDField(primary_key=True)
    endpoint_id = fields.UUIDField(db_index=True)
    key = fields.CharField(max_length=128)
    body_sealed = fields.BinaryField()
    state = fields.CharField(max_length=16)
    attempts = fields.IntField(default=0)
    error = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()
    due_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_webhook_event"
        unique_together = (("endpoint_id", "key"),)


# of systems, not of people: no account has the id of one
_NOBODY = Stays("of systems, not of people; what an event tells is said by who publishes it")
TABLES = (
    PersonalTable(
        Endpoint,
        owner="id",
        sealed=(Sealed("secret_sealed", SEALED_FOR), Sealed("old_secret_sealed", SEALED_FOR)),
        erased=_NOBODY,
    ),
    PersonalTable(Event, owner="id", sealed=(Sealed("body_sealed", BODY),), erased=_NOBODY),
)
