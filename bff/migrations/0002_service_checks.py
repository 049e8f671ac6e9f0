from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("bff", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ServiceCheck",
            fields=[
                (
                    "service_id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("checked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("latency_ms", fields.IntField()),
                ("fault", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "bff_service_check",
                "app": "bff",
                "pk_attr": "service_id",
                "table_description": "What became of a service when it was asked last: the longest of its queries, and the code of",
            },
            bases=["Model"],
        ),
    ]
