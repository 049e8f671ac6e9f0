from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("appointments", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Companion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("booking_id", fields.UUIDField(db_index=True)),
                ("name_sealed", fields.BinaryField()),
                ("resident_sealed", fields.BinaryField()),
            ],
            options={
                "table": "appointments_companion",
                "app": "appointments",
                "pk_attr": "id",
                "table_description": "Another person who comes along and is named in the booking.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("resource_id", fields.UUIDField()),
                ("releases_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("draw", fields.BooleanField()),
                ("seed", fields.BinaryField()),
                ("seed_hash", fields.BinaryField()),
                ("drawn_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("admitted", fields.IntField(default=0)),
            ],
            options={
                "table": "appointments_release",
                "app": "appointments",
                "unique_together": (("resource_id", "releases_at"),),
                "pk_attr": "id",
                "table_description": "One release of slots with a queue before it, and the lot that ordered the queue.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("release_id", fields.UUIDField()),
                ("person_id", fields.UUIDField()),
                ("person_key", fields.BinaryField()),
                ("joined_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("position", fields.IntField(null=True)),
            ],
            options={
                "table": "appointments_ticket",
                "app": "appointments",
                "unique_together": (("release_id", "person_key"),),
                "indexes": [Index(fields=["release_id", "position"])],
                "pk_attr": "id",
                "table_description": "One person's place in the queue of a release: one each, however often they tap.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Wait",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("service_id", fields.CharField(max_length=64)),
                ("resource_id", fields.UUIDField()),
                ("day_on", fields.DateField()),
                ("person_id", fields.UUIDField()),
                ("person_key", fields.BinaryField()),
                ("item_id", fields.CharField(max_length=64)),
                ("subject_sealed", fields.BinaryField(null=True)),
                ("subject_key", fields.BinaryField(null=True)),
                ("state", fields.CharField(max_length=16)),
                ("booking_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "appointments_wait",
                "app": "appointments",
                "indexes": [Index(fields=["person_id", "id"])],
                "pk_attr": "id",
                "table_description": "A place in the waiting list of a resource on a day; the earliest is promoted first.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Booking",
            name="item_id",
            field=fields.CharField(default="", max_length=64),
        ),
        ops.AddField(
            model_name="Booking",
            name="person_key",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Booking",
            name="replaces",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Booking",
            name="subject_sealed",
            field=fields.BinaryField(null=True),
        ),
        ops.RunSQL(
            """
            CREATE INDEX appointments_slot_resource ON appointments_slot (resource_id, starts_at);
            CREATE INDEX appointments_booking_live ON appointments_booking (slot_id)
              WHERE state IN ('held', 'confirmed');
            CREATE INDEX appointments_booking_missed ON appointments_booking (person_key, service_id)
              WHERE state = 'missed';
            -- one move at a time
            CREATE UNIQUE INDEX appointments_booking_successor ON appointments_booking (replaces)
              WHERE replaces IS NOT NULL AND state IN ('held', 'confirmed');
            -- one place in a list per person
            CREATE UNIQUE INDEX appointments_wait_once
              ON appointments_wait (person_key, resource_id, day_on) WHERE state = 'waiting';
            CREATE INDEX appointments_wait_line ON appointments_wait (resource_id, day_on, id)
              WHERE state = 'waiting';

            -- an appointment that is over no longer counts as open
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
                      OR n.state IN ('attended', 'missed') AND u.limit_key LIKE 'open:%');
              RETURN NULL;
            END $$;
            """,
            """
            DROP INDEX appointments_slot_resource, appointments_booking_live,
              appointments_booking_missed, appointments_booking_successor,
              appointments_wait_once, appointments_wait_line;
            """,
        ),
    ]
