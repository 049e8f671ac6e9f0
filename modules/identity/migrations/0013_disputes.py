from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0012_session_links")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Recovery",
            name="disputed_id",
            field=fields.UUIDField(null=True),
        ),
        # one dispute at a time about an account
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX identity_recovery_disputed ON identity_recovery (disputed_id)
              WHERE state IN ('disputed', 'approved');
            """,
            "DROP INDEX identity_recovery_disputed;",
        ),
    ]
