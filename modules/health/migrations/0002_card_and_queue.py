from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("health", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="HealthCardRow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(unique=True)),
                ("state", fields.CharField(max_length=16)),
                ("applied_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_card",
                "app": "health",
                "pk_attr": "id",
                "table_description": "Somebody's e-health card: its id is the pseudonym that its codes carry.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HealthCardUse",
            fields=[
                (
                    "number",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("card_id", fields.UUIDField()),
                ("hospital_ref", fields.CharField(max_length=16)),
                (
                    "used_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "health_card_use",
                "app": "health",
                "pk_attr": "number",
                "table_description": "A code of a card that a hospital has read: it opens nothing more. Gone after a day.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="QueueWatch",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("hospital_ref", fields.CharField(max_length=16)),
                ("ticket_no", fields.CharField(max_length=64)),
                ("access_id", fields.UUIDField()),
                (
                    "until_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "health_queue_watch",
                "app": "health",
                "unique_together": (("citizen_id", "hospital_ref", "ticket_no"),),
                "pk_attr": "id",
                "table_description": "A number in a hospital's queue whose owner is told when it is next; gone after that.",
            },
            bases=["Model"],
        ),
    ]
