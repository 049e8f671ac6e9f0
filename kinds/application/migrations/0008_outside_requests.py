from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("applications", "0007_merged_cases")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OutsideRequest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ("case_id", fields.UUIDField()),
                ("sequence", fields.IntField()),
                ("asked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_outside_request",
                "app": "applications",
                "unique_together": (("case_id", "sequence"),),
                "pk_attr": "id",
                "table_description": "That another system is being asked to act on a case, or was: written before it is asked.",
            },
            bases=["Model"],
        ),
        # of what waits already nobody knows whether it was asked: it may have been
        ops.RunSQL(
            """
            INSERT INTO applications_outside_request (id, case_id, sequence, asked_at)
            SELECT gen_random_uuid(), c.id, places.sequence, now()
              FROM applications_case c
              JOIN LATERAL (
                SELECT 0 AS sequence
                UNION SELECT e.sequence FROM applications_event e
                       WHERE e.case_id = c.id AND e.state = c.state
              ) places ON true
             WHERE c.state IN ('paying', 'removing') AND c.ended_at IS NULL;
            """,
            "SELECT 1",
        ),
    ]
