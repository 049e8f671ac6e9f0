from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0006_deaths")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Session",
            name="device_key",
            field=fields.CharField(null=True, max_length=43),
        ),
    ]
