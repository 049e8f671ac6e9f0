from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0011_closing")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Session",
            name="link_id",
            field=fields.UUIDField(null=True),
        ),
    ]
