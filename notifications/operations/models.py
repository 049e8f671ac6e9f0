"""The tables of operating."""

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import Cleared, PersonalTable


class Switch(Model):
    """Something that an operator has paused: "lane:bulk", "provider:sms"."""

    name = fields.CharField(max_length=64, primary_key=True)
    paused_at = fields.DatetimeField()
    paused_by = fields.UUIDField(null=True)

    class Meta:
        table = "notifications_switch"


class Tally(Model):
    """How many deliveries came to an outcome in a minute; written about once a second."""

    id = fields.BigIntField(primary_key=True)
    minute = fields.DatetimeField()
    lane = fields.CharField(max_length=16)
    provider = fields.CharField(max_length=32)
    outcome = fields.CharField(max_length=24)
    count = fields.IntField()

    class Meta:
        table = "notifications_tally"
        unique_together = (("minute", "lane", "provider", "outcome"),)


class Dead(Model):
    """How many deliveries stand among the dead letters, by channel."""

    channel = fields.CharField(max_length=16, primary_key=True)
    count = fields.IntField()

    class Meta:
        table = "notifications_dead"


SWITCHES = PersonalTable(Switch, owner="paused_by", erased=Cleared({"paused_by": None}))
