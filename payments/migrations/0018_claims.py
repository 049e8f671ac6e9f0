"""A claim on a payee that was not set off for long is a case."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CASES = """
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind;
ALTER TABLE payments_case ADD CONSTRAINT payments_case_kind CHECK (kind IN (
  'missing_here', 'missing_there', 'amount', 'fee', 'date', 'duplicate', 'refund', 'coupon', 'line',
  'refund_refused', 'refund_overdue', 'second_capture', 'foreign_refund', 'other_amount',
  'other_currency', 'other_time', 'settlement', 'bank_entry', 'payout_refused',
  'payout_returned', 'claim_overdue'));
"""


class Migration(migrations.Migration):
    """One more kind of case."""

    dependencies = [("payments", "0017_companies")]

    operations = [ops.RunSQL(_CASES)]
