from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("bills", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OutageNotice",
            fields=[
                (
                    "key",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128),
                ),
                ("outage_ref", fields.CharField(max_length=64)),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("stage", fields.CharField(max_length=16)),
                (
                    "told_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "bills_outage_notice",
                "app": "bills",
                "indexes": [Index(fields=["outage_ref", "citizen_id"])],
                "pk_attr": "key",
                "table_description": "That a citizen was told of an outage, or of its end.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OutageWatch",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("label", fields.CharField(max_length=16)),
                ("kinds", fields.CharField(max_length=32)),
                ("cell", fields.CharField(db_index=True, max_length=24)),
                ("spot_sealed", fields.BinaryField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bills_outage_watch",
                "app": "bills",
                "pk_attr": "id",
                "table_description": "A place of whose outages a citizen is told: in plain only to about a kilometre.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Reminded",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("link_id", fields.UUIDField(db_index=True)),
                ("bill_id", fields.UUIDField()),
                ("stage", fields.CharField(max_length=8)),
                ("amount_fen", fields.BigIntField()),
                ("sms", fields.BooleanField()),
                ("sent_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bills_reminded",
                "app": "bills",
                "unique_together": (("citizen_id", "bill_id", "stage"),),
                "pk_attr": "id",
                "table_description": "That a citizen was reminded of a bill: once ahead, once overdue.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("link_id", fields.UUIDField(unique=True)),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("days_before", fields.SmallIntField()),
                ("min_amount_fen", fields.BigIntField()),
                ("sms", fields.BooleanField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("checked_on", fields.DateField(null=True)),
                (
                    "tried_at",
                    fields.DatetimeField(
                        null=True, db_index=True, auto_now=False, auto_now_add=False
                    ),
                ),
            ],
            options={
                "table": "bills_reminder",
                "app": "bills",
                "pk_attr": "id",
                "table_description": "That a citizen is reminded of a linked account's bills, and how.",
            },
            bases=["Model"],
        ),
    ]
