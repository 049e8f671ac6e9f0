"""Indexes: those that models declare and nobody had made, and none that nobody reads."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0006_offers")]

    initial = False

    operations = [
        # the constraint appointments_booking_sequence has an index of the same columns
        ops.RemoveIndex(model_name="Booking", name=None, fields=["series_id", "sequence"]),
        # ours are never unsettled
        ops.RunSQL(
            """
            DROP INDEX appointments_booking_unsettled;
            CREATE INDEX appointments_booking_unsettled ON appointments_booking (created_at)
              WHERE state IN ('held', 'cancelling') AND access_id IS NOT NULL;
            """,
            """
            DROP INDEX appointments_booking_unsettled;
            CREATE INDEX appointments_booking_unsettled ON appointments_booking (created_at)
              WHERE state IN ('held', 'cancelling');
            """,
        ),
        # adding a field to a table makes no index, whatever the field says
        ops.RunSQL(
            """
            CREATE INDEX appointments_booking_booked_for ON appointments_booking (booked_for)
              WHERE booked_for IS NOT NULL;
            CREATE INDEX appointments_wait_booked_for ON appointments_wait (booked_for)
              WHERE booked_for IS NOT NULL;
            """,
            """
            DROP INDEX appointments_wait_booked_for;
            DROP INDEX appointments_booking_booked_for;
            """,
        ),
    ]
