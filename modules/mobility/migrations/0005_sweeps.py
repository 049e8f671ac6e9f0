from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("mobility", "0004_arrival_alerts")]

    initial = False

    operations = [
        # what is looked for all day is found without reading the table
        ops.RunSQL(
            """
            CREATE INDEX mobility_arrival_alert_window ON mobility_arrival_alert
              (window_from_s, window_until_s);
            """,
            """
            DROP INDEX mobility_arrival_alert_window;
            """,
        ),
    ]
