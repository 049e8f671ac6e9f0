from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0002_people")]

    initial = False

    operations = [
        ops.CreateModel(
            name="KeyProof",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32),
                ),
                ("proof", fields.BinaryField()),
            ],
            options={
                "table": "core_key_proof",
                "app": "core",
                "pk_attr": "name",
                "table_description": "What a secret key makes of a known text: whether a process holds the key of this data.",
            },
            bases=["Model"],
        ),
    ]
