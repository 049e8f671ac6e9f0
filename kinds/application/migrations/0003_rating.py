from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_files")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Rating",
            fields=[
                (
                    "case_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("grade", fields.SmallIntField()),
                ("labels", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("text_sealed", fields.BinaryField(null=True)),
                ("call_back_id", fields.UUIDField(null=True)),
                ("rated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_rating",
                "app": "applications",
                "pk_attr": "case_id",
                "table_description": "What a citizen says of a case that has ended: once. A poor one has its call-back.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE applications_rating
              ADD CONSTRAINT applications_rating_grade CHECK (grade BETWEEN 1 AND 5);
            """,
            "ALTER TABLE applications_rating DROP CONSTRAINT applications_rating_grade;",
        ),
    ]
