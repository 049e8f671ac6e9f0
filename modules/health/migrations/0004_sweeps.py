from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("health", "0003_care_programmes")]

    initial = False

    operations = [
        # what is looked for all day is found without reading the table
        ops.RunSQL(
            """
            CREATE INDEX health_refund_unsettled ON health_refund (id)
              WHERE returned_at IS NOT NULL AND settled_at IS NULL;
            """,
            """
            DROP INDEX health_refund_unsettled;
            """,
        ),
    ]
