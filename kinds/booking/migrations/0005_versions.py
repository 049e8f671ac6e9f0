from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0004_turns")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Booking",
            name="version",
            field=fields.IntField(default=0),
        ),
        ops.RunSQL(
            """
            CREATE FUNCTION appointments_next_version() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
              NEW.version := OLD.version + 1;
              RETURN NEW;
            END $$;
            CREATE TRIGGER appointments_booking_version BEFORE UPDATE ON appointments_booking
              FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
              EXECUTE FUNCTION appointments_next_version();

            -- an unpaid hold counts until it is paid or ends
            CREATE OR REPLACE FUNCTION appointments_free_seats() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
              IF EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id)
                          WHERE (o.slot_id, o.seats) <> (n.slot_id, n.seats)) THEN
                RAISE EXCEPTION 'a booking keeps its slot and seats'
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_booking_fixed';
              END IF;
              UPDATE appointments_slot s SET used = s.used - n.seats
                FROM (SELECT n.slot_id, sum(n.seats) AS seats
                        FROM old_rows o JOIN new_rows n USING (id)
                       WHERE o.state NOT IN ('cancelled', 'expired', 'refused')
                         AND n.state IN ('cancelled', 'expired', 'refused')
                       GROUP BY n.slot_id) n
               WHERE s.id = n.slot_id;
              DELETE FROM appointments_limit_use u USING new_rows n
               WHERE u.booking_id = n.id
                 AND (n.state IN ('cancelled', 'expired', 'refused')
                      OR n.state IN ('attended', 'missed') AND u.limit_key LIKE 'open:%'
                      OR (n.state <> 'held' OR n.payment_id IS NOT NULL)
                         AND u.limit_key LIKE 'unpaid:%');
              RETURN NULL;
            END $$;
            """,
            """
            DROP TRIGGER appointments_booking_version ON appointments_booking;
            DROP FUNCTION appointments_next_version();
            """,
        ),
    ]
