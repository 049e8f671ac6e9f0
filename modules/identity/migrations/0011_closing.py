from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0010_mini_programmes")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Citizen",
            name="closes_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            """
            CREATE INDEX identity_citizen_closing ON identity_citizen (closes_at)
              WHERE closes_at IS NOT NULL AND closed_at IS NULL;
            """,
            "DROP INDEX identity_citizen_closing;",
        ),
    ]
