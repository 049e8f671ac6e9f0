from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_people")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Citizen",
            name="assurance",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="Session",
            name="opened_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Session",
            name="grace_from",
            field=fields.IntField(default=1),
        ),
        ops.AddField(
            model_name="Session",
            name="proved",
            field=fields.BooleanField(default=True),
        ),
    ]
