"""The devices of a session are found by it when it ends."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """One index: adding a field to a table makes none, whatever the field says."""

    dependencies = [("notifications", "0009_counted_messages")]

    initial = False

    operations = [
        ops.RunSQL(
            """CREATE INDEX notifications_address_session ON notifications_address (session_id)
                WHERE session_id IS NOT NULL""",
            "DROP INDEX notifications_address_session",
        )
    ]
