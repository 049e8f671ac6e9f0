from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="ParkingCharge",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("session_ref", fields.CharField(max_length=64)),
                ("paid_before_fen", fields.BigIntField()),
                ("plate_index", fields.BinaryField()),
                ("entered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("amount_fen", fields.BigIntField()),
                ("quote_holds_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("intent_id", fields.UUIDField(null=True)),
                ("exit_by", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mobility_parking_charge",
                "app": "mobility",
                "unique_together": (("session_ref", "paid_before_fen"),),
                "pk_attr": "id",
                "table_description": "What a stay owes beyond what was paid before; it grows until it is paid.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Plate",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("plate_sealed", fields.BinaryField()),
                ("plate_index", fields.BinaryField()),
                ("linked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "verified_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "mobility_plate",
                "app": "mobility",
                "unique_together": (("citizen_id", "plate_index"),),
                "pk_attr": "id",
                "table_description": "A number plate that a citizen has linked; `verified_at` says that the car is theirs.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE mobility_parking_charge
              ADD CONSTRAINT mobility_parking_charge_amounts
                CHECK (amount_fen >= 0 AND paid_before_fen >= 0);
            """,
            "ALTER TABLE mobility_parking_charge DROP CONSTRAINT mobility_parking_charge_amounts",
        ),
    ]
