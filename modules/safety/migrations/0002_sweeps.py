from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("safety", "0001_initial")]

    initial = False

    operations = [
        # what is looked for all day is found without reading the table
        ops.RunSQL(
            """
            CREATE INDEX safety_gate_event_untold ON safety_gate_event (received_at)
              WHERE told_at IS NULL;
            CREATE INDEX safety_alert_place_until ON safety_alert_place (until_at)
              WHERE until_at IS NOT NULL;
            """,
            """
            DROP INDEX safety_gate_event_untold;
            DROP INDEX safety_alert_place_until;
            """,
        ),
    ]
