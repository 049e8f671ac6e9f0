"""The least part of a bill that its biller takes in parts."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A column."""

    dependencies = [("bills", "0005_notices_are_messages")]

    initial = False

    operations = [
        ops.AddField(model_name="Bill", name="least_part_fen", field=fields.BigIntField(null=True)),
        ops.RunSQL(
            "ALTER TABLE bills_bill ADD CONSTRAINT bills_bill_least_part CHECK (least_part_fen > 0)"
        ),
    ]
