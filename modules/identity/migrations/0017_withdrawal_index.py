"""The record by which another is withdrawn is found by its number."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """One index: adding a field to a table makes none, whatever the field says."""

    dependencies = [("identity", "0016_death_gaps")]

    initial = False

    operations = [
        ops.RunSQL(
            """CREATE INDEX identity_death_withdraws ON identity_death (withdraws)
                WHERE withdraws IS NOT NULL""",
            "DROP INDEX identity_death_withdraws",
        )
    ]
