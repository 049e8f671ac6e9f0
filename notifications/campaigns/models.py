"""The table of campaigns."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import Cleared, PersonalTable


class Campaign(Model):
    """One message for an audience. `after_id` is the last person that has it; `people` counts
    those who have, `sent` the deliveries that providers took. Nothing in `params` is personal."""

    id = fields.UUIDField(primary_key=True)
    template = fields.CharField(max_length=64)
    params = fields.JSONField[dict[str, Any]]()
    audience = fields.CharField(max_length=64)
    state = fields.CharField(max_length=16)
    after_id = fields.UUIDField()
    size = fields.IntField()
    people = fields.IntField(default=0)
    sent = fields.IntField(default=0)
    starts_at = fields.DatetimeField()
    created_by = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "notifications_campaign"


CAMPAIGNS = PersonalTable(Campaign, owner="created_by", erased=Cleared({"created_by": None}))
