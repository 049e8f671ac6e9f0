from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_campaigns")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Handover",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("provider", fields.CharField(max_length=32)),
                ("taken", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("taken_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notifications_handover",
                "app": "notifications",
                "pk_attr": "id",
                "table_description": "What a provider took in one request, until the deliveries' own states say so.",
            },
            bases=["Model"],
        ),
        # no log, so that its commit waits for no disk: whatever empties it costs a repetition
        ops.RunSQL("ALTER TABLE notifications_handover SET UNLOGGED"),
    ]
