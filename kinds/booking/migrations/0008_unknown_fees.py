"""A fee that an outside system does not tell is null, and nobody is asked to pay it in advance."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0007_indexes")]

    initial = False

    operations = [
        ops.AlterField(model_name="Slot", name="fee_fen", field=fields.BigIntField(null=True)),
        ops.AlterField(model_name="Booking", name="fee_fen", field=fields.BigIntField(null=True)),
        ops.RunSQL(
            """
            ALTER TABLE appointments_slot ALTER COLUMN fee_fen DROP DEFAULT;
            ALTER TABLE appointments_booking ALTER COLUMN fee_fen DROP DEFAULT;
            ALTER TABLE appointments_booking ADD CONSTRAINT appointments_booking_prepaid_fee
              CHECK (NOT prepaid OR fee_fen IS NOT NULL);
            """,
            "ALTER TABLE appointments_booking DROP CONSTRAINT appointments_booking_prepaid_fee;",
        ),
    ]
