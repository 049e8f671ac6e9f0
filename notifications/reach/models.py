"""The tables of how people may be reached."""

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.people.personal_table import DELETED, PersonalTable, Sealed, section

ADDRESS = "notifications.address"


class Address(Model):
    """A device or mailbox of a person. `provider` is whose token it is, or "email".

    A token is one device: registered for somebody else it is no longer the first one's. `gone_at`:
    the provider has said that it is no more. `session_id`: in which session the device asked for
    push; it ends with that.
    """

    id = fields.UUIDField(primary_key=True)
    person_id = fields.UUIDField(db_index=True)
    channel = fields.CharField(max_length=16)
    provider = fields.CharField(max_length=32)
    address_sealed = fields.BinaryField()
    address_index = fields.BinaryField()
    seen_at = fields.DatetimeField()
    gone_at = fields.DatetimeField(null=True)
    session_id = fields.UUIDField(null=True, db_index=True)

    class Meta:
        table = "notifications_address"
        unique_together = (("provider", "address_index"),)


class Refusal(Model):
    """A person does not want messages of a class through a channel."""

    id = fields.UUIDField(primary_key=True)
    person_id = fields.UUIDField()
    about = fields.CharField(max_length=16)
    channel = fields.CharField(max_length=16)
    refused_at = fields.DatetimeField()

    class Meta:
        table = "notifications_refusal"
        unique_together = (("person_id", "about", "channel"),)


class Quiet(Model):
    """A person's quiet hours; `days` are digits, Monday 0."""

    person_id = fields.UUIDField(primary_key=True)
    starts = fields.CharField(max_length=5)
    ends = fields.CharField(max_length=5)
    days = fields.CharField(max_length=7)

    class Meta:
        table = "notifications_quiet"


class DailyCount(Model):
    """The messages of a class that have left the inbox for a person on a day of the city.

    In their order: those behind the day's cap have stayed there.
    """

    id = fields.BigIntField(primary_key=True)
    person_id = fields.UUIDField()
    about = fields.CharField(max_length=16)
    counted_on = fields.DateField()
    messages = ArrayField(element_type="uuid")

    class Meta:
        table = "notifications_daily_count"
        unique_together = (("person_id", "about", "counted_on"),)


ADDRESSES = PersonalTable(
    Address,
    owner="person_id",
    exported=section("addresses", "channel", "provider", "seen_at", address="address_sealed"),
    sealed=(Sealed("address_sealed", ADDRESS),),
    erased=DELETED,
)
REFUSALS = PersonalTable(
    Refusal,
    owner="person_id",
    exported=section("refused_messages", "about", "channel", "refused_at"),
    erased=DELETED,
)
QUIET = PersonalTable(
    Quiet,
    owner="person_id",
    exported=section("quiet_hours", "starts", "ends", "days"),
    erased=DELETED,
)
COUNTS = PersonalTable(DailyCount, owner="person_id", erased=DELETED)

TABLES = (ADDRESSES, REFUSALS, QUIET, COUNTS)
