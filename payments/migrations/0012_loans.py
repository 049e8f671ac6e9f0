"""Accounts of lenders."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Four kinds of account."""

    dependencies = [("payments", "0011_corrections")]

    operations = [
        ops.RunSQL(
            """
            INSERT INTO payments_chart (kind, normal, guarded, shards) VALUES
              ('loans', 'D', true, 32), ('lender', 'C', false, 32), ('yield', 'C', false, 32),
              ('loss', 'D', false, 1);
            """
        ),
    ]
