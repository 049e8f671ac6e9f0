from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("applications", "0004_licences")]

    initial = False

    operations = [
        # the sweep asks for ids alone: of a backlog it need not read the cases to sort them
        ops.RunSQL(
            """
            CREATE INDEX applications_case_due ON applications_case (look_on, id)
              WHERE look_on IS NOT NULL;
            DROP INDEX applications_case_look;
            """,
            """
            CREATE INDEX applications_case_look ON applications_case (look_on)
              WHERE look_on IS NOT NULL;
            DROP INDEX applications_case_due;
            """,
        ),
    ]
