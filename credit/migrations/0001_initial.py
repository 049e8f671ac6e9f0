from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="LogBody",
            fields=[
                (
                    "hash",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("application_id", fields.CharField(max_length=64)),
                ("person_id", fields.UUIDField(null=True)),
                ("body", fields.BinaryField()),
                ("key_sealed", fields.BinaryField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "credit_log_body",
                "app": "credit",
                "indexes": [Index(fields=["application_id"]), Index(fields=["person_id"])],
                "pk_attr": "hash",
                "table_description": "What an entry says of a person: ciphertext, and its key sealed by the vault until destroyed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LogChain",
            fields=[
                (
                    "bank",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("count", fields.BigIntField()),
                ("hash", fields.CharField(max_length=64)),
            ],
            options={
                "table": "credit_log_chain",
                "app": "credit",
                "pk_attr": "bank",
                "table_description": "A bank's chain: how many entries, and the hash of the last. Its row is the writers' lock.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LogEntry",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("bank", fields.CharField(max_length=64)),
                ("number", fields.BigIntField()),
                ("key", fields.CharField(max_length=128)),
                ("application_id", fields.CharField(max_length=64)),
                ("kind", fields.CharField(max_length=16)),
                ("line", fields.BinaryField()),
            ],
            options={
                "table": "credit_log_entry",
                "app": "credit",
                "unique_together": (("bank", "number"), ("bank", "key")),
                "indexes": [Index(fields=["application_id"])],
                "pk_attr": "id",
                "table_description": "One line of a chain, as it was hashed. It names nobody.",
            },
            bases=["Model"],
        ),
    ]
