from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0013_disputes")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Recovery",
            name="resident_index",
            field=fields.BinaryField(null=True),
        ),
        # what is open about a number
        ops.RunSQL(
            """
            CREATE INDEX identity_recovery_open ON identity_recovery (resident_index)
              WHERE state IN ('proposed', 'disputed', 'approved');
            """,
            "DROP INDEX identity_recovery_open;",
        ),
    ]
