from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0003_fees")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Ticket",
            name="admitted_until",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Wait",
            name="booked_for",
            field=fields.UUIDField(null=True, db_index=True),
        ),
    ]
