"""A number that its outside system has moved is of another slot, and its seat goes along. Where a
plan has fewer seats than are booked, those that are given back go."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0008_unknown_fees")]

    initial = False

    operations = [
        ops.AddField(model_name="Slot", name="planned", field=fields.IntField(null=True)),
        ops.RunSQL(
            """
            ALTER TABLE appointments_slot ADD CONSTRAINT appointments_slot_planned
              CHECK (planned >= 0 AND planned < capacity);
            """,
            "ALTER TABLE appointments_slot DROP CONSTRAINT appointments_slot_planned;",
        ),
        ops.RunSQL(
            """
            -- an outside system may move its number: the seat goes along
            CREATE OR REPLACE FUNCTION appointments_free_seats() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
              IF EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id)
                          WHERE (o.slot_id, o.seats) <> (n.slot_id, n.seats)) THEN
                IF EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id)
                            WHERE o.seats <> n.seats
                               OR o.slot_id <> n.slot_id
                                  AND (n.access_id IS NULL OR (o.state, n.state)
                                       <> ('confirmed', 'confirmed'))) THEN
                  RAISE EXCEPTION 'a booking keeps its slot and seats'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'appointments_booking_fixed';
                END IF;
                UPDATE appointments_slot s SET used = s.used + m.seats
                  FROM (SELECT slot_id, sum(seats) AS seats
                          FROM (SELECT o.slot_id, -o.seats AS seats
                                  FROM old_rows o JOIN new_rows n USING (id)
                                 WHERE o.slot_id <> n.slot_id
                                 UNION ALL
                                SELECT n.slot_id, n.seats
                                  FROM old_rows o JOIN new_rows n USING (id)
                                 WHERE o.slot_id <> n.slot_id) each
                         GROUP BY slot_id) m
                 WHERE s.id = m.slot_id;
              END IF;
              UPDATE appointments_slot s
                 SET used = s.used - n.seats,
                     capacity = CASE WHEN s.planned IS NULL THEN s.capacity
                                     ELSE greatest(s.planned, s.used - n.seats) END,
                     planned = CASE WHEN s.planned < s.used - n.seats THEN s.planned END
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
        ),
    ]
