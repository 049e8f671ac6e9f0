from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="ExamplePaymentBill",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("bill_no", fields.CharField(max_length=64)),
                ("amount_fen", fields.BigIntField()),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("is_paid", fields.BooleanField(default=False)),
                ("intent_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "example_payment_bill",
                "app": "example",
                "unique_together": (("citizen_id", "bill_no"),),
                "pk_attr": "id",
                "table_description": "A bill that its payer began to pay; no other is kept here.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ExampleSubscriptionDistrict",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("district_code", fields.CharField(db_index=True, max_length=6)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "example_subscription_district",
                "app": "example",
                "unique_together": (("citizen_id", "district_code"),),
                "pk_attr": "id",
                "table_description": "A district of whose news a citizen is told.",
            },
            bases=["Model"],
        ),
    ]
