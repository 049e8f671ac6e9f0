from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0002_engine")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Booking",
            name="booked_for",
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AddField(
            model_name="Booking",
            name="payment_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Booking",
            name="prepaid",
            field=fields.BooleanField(default=False),
        ),
        ops.AddField(
            model_name="Resource",
            name="notes_en",
            field=fields.CharField(default="", max_length=512),
        ),
        ops.AddField(
            model_name="Resource",
            name="notes_zh",
            field=fields.CharField(default="", max_length=512),
        ),
        # what has to be paid first is no appointment before it is paid, whatever the code does
        ops.RunSQL(
            """
            ALTER TABLE appointments_booking ADD CONSTRAINT appointments_booking_paid
              CHECK (NOT prepaid OR payment_id IS NOT NULL
                     OR state NOT IN ('confirmed', 'attended', 'missed'));
            CREATE INDEX appointments_booking_unpaid ON appointments_booking (hold_expires_at)
              WHERE state = 'held';
            """,
            """
            DROP INDEX appointments_booking_unpaid;
            ALTER TABLE appointments_booking DROP CONSTRAINT appointments_booking_paid;
            """,
        ),
    ]
