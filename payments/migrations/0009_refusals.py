"""Counters of tries that months of asking do not overflow, and cases that no comparison opens."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_KINDS = """
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind;
ALTER TABLE payments_case ADD CONSTRAINT payments_case_kind CHECK (kind IN (
  'missing_here', 'missing_there', 'amount', 'fee', 'date', 'duplicate', 'refund', 'coupon', 'line',
  'refund_refused', 'refund_overdue', 'second_capture', 'foreign_refund', 'other_amount',
  'other_currency', 'other_time'));
"""


class Migration(migrations.Migration):
    """Columns widened, a constraint widened."""

    dependencies = [("payments", "0008_privileges")]

    initial = False

    operations = [
        ops.AlterField(model_name="Intent", name="order_tries", field=fields.IntField(default=1)),
        ops.AlterField(model_name="Intent", name="checks", field=fields.IntField(default=0)),
        ops.AlterField(model_name="Intent", name="attempts", field=fields.IntField(default=0)),
        ops.AlterField(model_name="LeftOrder", name="checks", field=fields.IntField(default=0)),
        ops.AlterField(model_name="Refund", name="attempts", field=fields.IntField(default=0)),
        ops.RunSQL(_KINDS),
    ]
