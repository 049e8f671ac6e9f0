from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_channels")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Address",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("person_id", fields.UUIDField(db_index=True)),
                ("channel", fields.CharField(max_length=16)),
                ("provider", fields.CharField(max_length=32)),
                ("address_sealed", fields.BinaryField()),
                ("address_index", fields.BinaryField()),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("gone_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_address",
                "app": "notifications",
                "unique_together": (("provider", "address_index"),),
                "pk_attr": "id",
                "table_description": 'A device or mailbox of a person. `provider` is whose token it is, or "email".',
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DailyCount",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("person_id", fields.UUIDField()),
                ("about", fields.CharField(max_length=16)),
                ("counted_on", fields.DateField()),
                ("count", fields.IntField()),
            ],
            options={
                "table": "notifications_daily_count",
                "app": "notifications",
                "unique_together": (("person_id", "about", "counted_on"),),
                "pk_attr": "id",
                "table_description": "How many messages of a class have left the inbox for a person on a day of the city.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Digest",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("person_id", fields.UUIDField()),
                ("template", fields.CharField(max_length=64)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("items", fields.IntField()),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_digest",
                "app": "notifications",
                "unique_together": (("person_id", "template", "starts_at"),),
                "pk_attr": "id",
                "table_description": "A window of a person and a template whose messages leave the inbox as one.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Quiet",
            fields=[
                (
                    "person_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("starts", fields.CharField(max_length=5)),
                ("ends", fields.CharField(max_length=5)),
                ("days", fields.CharField(max_length=7)),
            ],
            options={
                "table": "notifications_quiet",
                "app": "notifications",
                "pk_attr": "person_id",
                "table_description": "A person's quiet hours; `days` are digits, Monday 0.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Rate",
            fields=[
                (
                    "provider",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32),
                ),
                ("second", fields.BigIntField()),
                ("used", fields.IntField()),
                ("granted", fields.IntField()),
            ],
            options={
                "table": "notifications_rate",
                "app": "notifications",
                "pk_attr": "provider",
                "table_description": "How much a provider was given in the present second, and in the last asking.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Refusal",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("person_id", fields.UUIDField()),
                ("about", fields.CharField(max_length=16)),
                ("channel", fields.CharField(max_length=16)),
                ("refused_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_refusal",
                "app": "notifications",
                "unique_together": (("person_id", "about", "channel"),),
                "pk_attr": "id",
                "table_description": "A person does not want messages of a class through a channel.",
            },
            bases=["Model"],
        ),
    ]
