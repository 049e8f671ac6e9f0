from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_reach")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PushCid",
            fields=[
                (
                    "ref",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("cid", fields.CharField(max_length=96)),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "notifications_push_cid",
                "app": "notifications",
                "pk_attr": "ref",
                "table_description": "JPush's own name for a push, noted before the first attempt; good for a day.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("provider", fields.CharField(max_length=32)),
                ("provider_ref", fields.CharField(max_length=128)),
                ("state", fields.CharField(max_length=24)),
                (
                    "received_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "notifications_receipt",
                "app": "notifications",
                "indexes": [Index(fields=["provider", "provider_ref"])],
                "pk_attr": "id",
                "table_description": "A provider's word on a message whose taking is not noted yet.",
            },
            bases=["Model"],
        ),
    ]
