from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_webhooks")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Campaign",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("template", fields.CharField(max_length=64)),
                ("params", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("audience", fields.CharField(max_length=64)),
                ("state", fields.CharField(max_length=16)),
                ("after_id", fields.UUIDField()),
                ("size", fields.IntField()),
                ("people", fields.IntField(default=0)),
                ("sent", fields.IntField(default=0)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_by", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_campaign",
                "app": "notifications",
                "pk_attr": "id",
                "table_description": "One message for an audience. `after_id` is the last person that has it; `people` counts",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Dead",
            fields=[
                (
                    "channel",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16),
                ),
                ("count", fields.IntField()),
            ],
            options={
                "table": "notifications_dead",
                "app": "notifications",
                "pk_attr": "channel",
                "table_description": "How many deliveries stand among the dead letters, by channel.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Switch",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("paused_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("paused_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "notifications_switch",
                "app": "notifications",
                "pk_attr": "name",
                "table_description": 'Something that an operator has paused: "lane:bulk", "provider:sms".',
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("minute", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("lane", fields.CharField(max_length=16)),
                ("provider", fields.CharField(max_length=32)),
                ("outcome", fields.CharField(max_length=24)),
                ("count", fields.IntField()),
            ],
            options={
                "table": "notifications_tally",
                "app": "notifications",
                "unique_together": (("minute", "lane", "provider", "outcome"),),
                "pk_attr": "id",
                "table_description": "How many deliveries came to an outcome in a minute; written about once a second.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Message",
            name="campaign_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Message",
            name="scheduled_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
