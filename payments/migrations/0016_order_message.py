"""A message of orders to the bank is kept as it was written.

One that was ordered before this and has no answer yet is not sent again, since its bytes are not
known any more: the bank's statement tells what became of its payouts.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A table."""

    dependencies = [("payments", "0015_channels")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OrderMessage",
            fields=[
                (
                    "order_ref",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=35),
                ),
                ("body", fields.BinaryField()),
                ("written_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_order_message",
                "app": "payments",
                "pk_attr": "order_ref",
                "table_description": "A message of orders as it was written: sent again, it is the same to the byte.",
            },
            bases=["Model"],
        ),
    ]
