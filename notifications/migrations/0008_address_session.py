from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_handover")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Address",
            name="session_id",
            field=fields.UUIDField(null=True, db_index=True),
        ),
    ]
