from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0003_key_proofs")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MergedAccount",
            fields=[
                ("id", fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ("owner_id", fields.UUIDField(db_index=True)),
                ("merged_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "core_merged_account",
                "app": "core",
                "pk_attr": "id",
                "table_description": "A closed account that was merged into another one of the same person, its owner.",
            },
            bases=["Model"],
        ),
    ]
