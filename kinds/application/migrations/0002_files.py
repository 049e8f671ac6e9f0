from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("applications", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CaseFile",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("case_id", fields.UUIDField(db_index=True)),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("material", fields.CharField(max_length=32)),
                ("name_sealed", fields.BinaryField()),
                ("key_sealed", fields.BinaryField()),
                ("media_type", fields.CharField(max_length=32)),
                ("size_bytes", fields.IntField()),
                ("pages", fields.IntField()),
                ("attached_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_file",
                "app": "applications",
                "pk_attr": "id",
                "table_description": "A file that a citizen attached for one of the papers of a case.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CaseFileContent",
            fields=[
                (
                    "file_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("content", fields.BinaryField()),
            ],
            options={
                "table": "applications_file_content",
                "app": "applications",
                "pk_attr": "file_id",
                "table_description": "The bytes of an attached file, under the key that stands in its row.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Case",
            name="papers_asked",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
    ]
