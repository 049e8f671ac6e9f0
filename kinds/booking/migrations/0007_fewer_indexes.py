from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0006_offers")]

    initial = False

    operations = [
        # the constraint appointments_booking_sequence has an index of the same columns
        ops.RemoveIndex(model_name="Booking", name=None, fields=["series_id", "sequence"]),
        # the index of all of a slot's bookings finds the live ones; ours are never unsettled
        ops.RunSQL(
            """
            DROP INDEX appointments_booking_live;
            DROP INDEX appointments_booking_unsettled;
            CREATE INDEX appointments_booking_unsettled ON appointments_booking (created_at)
              WHERE state IN ('held', 'cancelling') AND access_id IS NOT NULL;
            """,
            """
            DROP INDEX appointments_booking_unsettled;
            CREATE INDEX appointments_booking_unsettled ON appointments_booking (created_at)
              WHERE state IN ('held', 'cancelling');
            CREATE INDEX appointments_booking_live ON appointments_booking (slot_id)
              WHERE state IN ('held', 'confirmed');
            """,
        ),
    ]
