from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0008_children")]

    initial = False

    operations = [
        # who works in a unit is asked with every step of its cases
        ops.RunSQL(
            """
            CREATE INDEX identity_staff_unit ON identity_staff (department)
              WHERE suspended_at IS NULL;
            """,
            "DROP INDEX identity_staff_unit;",
        ),
    ]
