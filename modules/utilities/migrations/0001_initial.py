from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="AccountLink",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=16)),
                ("account_no", fields.CharField(max_length=32)),
                ("label", fields.CharField(max_length=16)),
                ("holder_masked", fields.CharField(max_length=64)),
                ("address_masked", fields.CharField(max_length=128)),
                ("linked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bills_account_link",
                "app": "bills",
                "unique_together": (("citizen_id", "kind", "account_no"),),
                "pk_attr": "id",
                "table_description": "A citizen's link to a household's account: their own home's, or their parents'.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Bill",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("bill_no", fields.CharField(max_length=64)),
                ("account_no", fields.CharField(max_length=32)),
                ("period", fields.CharField(max_length=16)),
                ("total_fen", fields.BigIntField()),
                ("status", fields.CharField(max_length=16)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bills_bill",
                "app": "bills",
                "unique_together": (("kind", "bill_no"),),
                "pk_attr": "id",
                "table_description": "A bill as its biller last told it.",
            },
            bases=["Model"],
        ),
    ]
