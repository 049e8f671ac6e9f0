from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_receipts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("url", fields.CharField(max_length=512)),
                ("secret_sealed", fields.BinaryField()),
                ("old_secret_sealed", fields.BinaryField(null=True)),
                ("old_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "disabled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("disabled_because", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "notifications_webhook_endpoint",
                "app": "notifications",
                "pk_attr": "id",
                "table_description": "Where somebody's system wants news. While the key rotates there are two secrets.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("endpoint_id", fields.UUIDField(db_index=True)),
                ("key", fields.CharField(max_length=128)),
                ("body_sealed", fields.BinaryField()),
                ("state", fields.CharField(max_length=16)),
                ("attempts", fields.IntField(default=0)),
                ("error", fields.CharField(null=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_webhook_event",
                "app": "notifications",
                "unique_together": (("endpoint_id", "key"),),
                "pk_attr": "id",
                "table_description": "One event for one endpoint; its id is the `webhook-id`, the same at every attempt.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Sequence",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("endpoint_id", fields.UUIDField()),
                ("object_ref", fields.CharField(max_length=128)),
                ("number", fields.BigIntField()),
            ],
            options={
                "table": "notifications_webhook_sequence",
                "app": "notifications",
                "unique_together": (("endpoint_id", "object_ref"),),
                "pk_attr": "id",
                "table_description": "How many events an endpoint was sent of one object.",
            },
            bases=["Model"],
        ),
    ]
