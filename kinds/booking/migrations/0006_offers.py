from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0005_versions")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Booking",
            name="wait_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Wait",
            name="offered_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
