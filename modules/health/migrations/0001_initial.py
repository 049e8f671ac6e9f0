from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="HospitalBill",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(null=True, db_index=True)),
                ("hospital_ref", fields.CharField(max_length=16)),
                ("bill_no", fields.CharField(max_length=64)),
                ("self_pay_fen", fields.BigIntField()),
                ("status", fields.CharField(max_length=16)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_bill",
                "app": "health",
                "unique_together": (("hospital_ref", "bill_no"),),
                "pk_attr": "id",
                "table_description": "A bill as its hospital last told it; whose it is goes when the person leaves.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HospitalPayment",
            fields=[
                (
                    "intent_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("payer_id", fields.UUIDField(db_index=True)),
                ("hospital_ref", fields.CharField(max_length=16)),
                ("booked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("looked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "look_at",
                    fields.DatetimeField(
                        null=True, db_index=True, auto_now=False, auto_now_add=False
                    ),
                ),
            ],
            options={
                "table": "health_payment",
                "app": "health",
                "pk_attr": "intent_id",
                "table_description": "A payment that a hospital has booked; asked for refunds until `look_at` is null.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HospitalRefund",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("intent_id", fields.UUIDField(db_index=True)),
                ("hospital_ref", fields.CharField(max_length=16)),
                ("refund_no", fields.CharField(max_length=64)),
                ("amount_fen", fields.BigIntField()),
                ("reason_sealed", fields.BinaryField()),
                ("decided_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("refund_id", fields.UUIDField(null=True, unique=True)),
                (
                    "returned_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_refund",
                "app": "health",
                "unique_together": (("hospital_ref", "refund_no"),),
                "pk_attr": "id",
                "table_description": "What a hospital gives back of a payment, from its decision to its books.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TopUp",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(null=True, db_index=True)),
                ("hospital_ref", fields.CharField(max_length=16)),
                ("account_no", fields.CharField(max_length=64)),
                ("amount_fen", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_top_up",
                "app": "health",
                "pk_attr": "id",
                "table_description": "An amount that is to be paid into an inpatient's deposit.",
            },
            bases=["Model"],
        ),
    ]
