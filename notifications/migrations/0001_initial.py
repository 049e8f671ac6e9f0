from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("key", fields.CharField(unique=True, max_length=128)),
                ("person_id", fields.UUIDField(null=True)),
                ("to_sealed", fields.BinaryField(null=True)),
                ("body_sealed", fields.BinaryField()),
                ("state", fields.CharField(max_length=16)),
                ("receipt_ref", fields.CharField(null=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_delivery",
                "app": "notifications",
                "pk_attr": "id",
                "table_description": "One text on its way through one channel: to a person's phone, or to a bare phone number.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("person_id", fields.UUIDField()),
                ("key", fields.CharField(unique=True, max_length=128)),
                ("template", fields.CharField(max_length=64)),
                ("title_sealed", fields.BinaryField()),
                ("body_sealed", fields.BinaryField()),
                ("deep_link", fields.CharField(null=True, max_length=256)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_message",
                "app": "notifications",
                "indexes": [Index(fields=["person_id", "id"])],
                "pk_attr": "id",
                "table_description": "A message in a person's inbox. `key` is the permanent business key: one message each.",
            },
            bases=["Model"],
        ),
    ]
