from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_one_live_order")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Contract",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("payer_id", fields.UUIDField(db_index=True)),
                ("psp", fields.CharField(max_length=16)),
                ("display", fields.CharField(max_length=32)),
                ("state", fields.CharField(max_length=16)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("signed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_contract",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "That a payer lets us deduct; its id is the contract's number at the PSP.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Intent",
            name="contract_id",
            field=fields.UUIDField(null=True),
        ),
    ]
