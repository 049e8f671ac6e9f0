"""The company for which a payer pays: its limits count."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A column."""

    dependencies = [("payments", "0016_order_message")]

    initial = False

    operations = [
        ops.AddField(model_name="Intent", name="company_id", field=fields.UUIDField(null=True)),
    ]
