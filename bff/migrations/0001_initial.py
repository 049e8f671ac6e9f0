from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="DocumentOverride",
            fields=[
                (
                    "document_id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128),
                ),
                ("source", fields.TextField(null=True, unique=False)),
                ("reason", fields.CharField(max_length=200)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bff_document_override",
                "app": "bff",
                "pk_attr": "document_id",
                "table_description": "A trusted document that runs with another text than it shipped with, or runs no more.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DocumentUse",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("used_on", fields.DateField()),
                ("document_id", fields.CharField(max_length=128)),
                ("app", fields.CharField(max_length=64)),
                ("count", fields.BigIntField()),
            ],
            options={
                "table": "bff_document_use",
                "app": "bff",
                "unique_together": (("used_on", "document_id", "app"),),
                "pk_attr": "id",
                "table_description": "How often one version of the app ran one document on one day (UTC).",
            },
            bases=["Model"],
        ),
    ]
