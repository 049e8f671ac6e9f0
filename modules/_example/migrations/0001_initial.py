from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="FountainFollow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("fountain_ref", fields.CharField(max_length=64)),
                ("district_code", fields.CharField(max_length=6)),
                ("followed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "example_fountain_follow",
                "app": "example",
                "unique_together": (("citizen_id", "fountain_ref"),),
                "indexes": [Index(fields=["district_code", "fountain_ref"])],
                "pk_attr": "id",
                "table_description": "A citizen follows a fountain. The unique pair makes following twice impossible.",
            },
            bases=["Model"],
        ),
    ]
