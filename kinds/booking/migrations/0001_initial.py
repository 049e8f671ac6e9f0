from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Booking",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("series_id", fields.UUIDField()),
                ("sequence", fields.IntField(default=0)),
                ("service_id", fields.CharField(max_length=64)),
                ("slot_id", fields.UUIDField(db_index=True)),
                ("booked_by", fields.UUIDField()),
                ("seats", fields.SmallIntField(default=1)),
                ("state", fields.CharField(max_length=16)),
                ("fee_fen", fields.BigIntField(default=0)),
                ("access_id", fields.UUIDField(null=True)),
                ("upstream_ref", fields.CharField(null=True, max_length=128)),
                ("upstream_version", fields.CharField(null=True, max_length=64)),
                ("refusal_code", fields.CharField(null=True, max_length=64)),
                ("replaced_by", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "hold_expires_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "confirmed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "appointments_booking",
                "app": "appointments",
                "indexes": [
                    Index(fields=["booked_by", "id"]),
                    Index(fields=["series_id", "sequence"]),
                ],
                "pk_attr": "id",
                "table_description": "One person's (or party's) claim on one slot.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LimitUse",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("person_key", fields.BinaryField()),
                ("limit_key", fields.CharField(max_length=192)),
                ("ordinal", fields.SmallIntField()),
                ("booking_id", fields.UUIDField(db_index=True)),
            ],
            options={
                "table": "appointments_limit_use",
                "app": "appointments",
                "unique_together": (("person_key", "limit_key", "ordinal"),),
                "pk_attr": "id",
                "table_description": "One use of a person's limit: the unique key makes the database count.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Resource",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("service_id", fields.CharField(max_length=64)),
                ("ref", fields.CharField(max_length=128)),
                ("place_zh", fields.CharField(max_length=128)),
                ("place_en", fields.CharField(max_length=128)),
                ("unit_zh", fields.CharField(default="", max_length=128)),
                ("unit_en", fields.CharField(default="", max_length=128)),
                ("name_zh", fields.CharField(max_length=128)),
                ("name_en", fields.CharField(max_length=128)),
                ("address", fields.CharField(default="", max_length=256)),
                ("limit_group", fields.CharField(max_length=128)),
            ],
            options={
                "table": "appointments_resource",
                "app": "appointments",
                "unique_together": (("service_id", "ref"),),
                "pk_attr": "id",
                "table_description": "What has slots: a doctor's schedule, a window of a hall, a court of a sports centre.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Slot",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("resource_id", fields.UUIDField()),
                ("service_id", fields.CharField(max_length=64)),
                ("ref", fields.CharField(max_length=128)),
                ("starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("capacity", fields.IntField()),
                ("used", fields.IntField(default=0)),
                ("fee_fen", fields.BigIntField(default=0)),
                (
                    "releases_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "cancelled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "appointments_slot",
                "app": "appointments",
                "unique_together": (("resource_id", "ref"),),
                "indexes": [Index(fields=["service_id", "starts_at"])],
                "pk_attr": "id",
                "table_description": "A time with `capacity` seats. `ref` is the outside system's own slot, where it has one.",
            },
            bases=["Model"],
        ),
        # a booking's state takes and frees its seat and its limits; the check refuses the rest
        ops.RunSQL(
            """
            ALTER TABLE appointments_slot
              ALTER COLUMN used SET DEFAULT 0,
              ADD CONSTRAINT appointments_slot_seats CHECK (used BETWEEN 0 AND capacity),
              ADD CONSTRAINT appointments_slot_times CHECK (starts_at < ends_at),
              ADD CONSTRAINT appointments_slot_fee CHECK (fee_fen >= 0);
            ALTER TABLE appointments_booking
              ADD CONSTRAINT appointments_booking_seats_some CHECK (seats > 0),
              ADD CONSTRAINT appointments_booking_held_until
                CHECK (state <> 'held' OR hold_expires_at IS NOT NULL),
              ADD CONSTRAINT appointments_booking_sequence UNIQUE (series_id, sequence);
            CREATE INDEX appointments_booking_unsettled ON appointments_booking (created_at)
              WHERE state IN ('held', 'cancelling');

            CREATE FUNCTION appointments_take_seats() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE slots integer;
            BEGIN
              UPDATE appointments_slot s SET used = s.used + n.seats
                FROM (SELECT slot_id, sum(seats) AS seats FROM added GROUP BY slot_id) n
               WHERE s.id = n.slot_id;
              GET DIAGNOSTICS slots = ROW_COUNT;
              IF slots <> (SELECT count(DISTINCT slot_id) FROM added) THEN
                RAISE EXCEPTION 'a booking without its slot'
                  USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'appointments_booking_slot';
              END IF;
              RETURN NULL;
            END $$;
            CREATE TRIGGER appointments_take_seats AFTER INSERT ON appointments_booking
              REFERENCING NEW TABLE AS added
              FOR EACH STATEMENT EXECUTE FUNCTION appointments_take_seats();

            CREATE FUNCTION appointments_free_seats() RETURNS trigger LANGUAGE plpgsql AS $$
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
              DELETE FROM appointments_limit_use WHERE booking_id IN (
                SELECT id FROM new_rows WHERE state IN ('cancelled', 'expired', 'refused'));
              RETURN NULL;
            END $$;
            CREATE TRIGGER appointments_free_seats AFTER UPDATE ON appointments_booking
              REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
              FOR EACH STATEMENT EXECUTE FUNCTION appointments_free_seats();

            CREATE FUNCTION appointments_keep_booking() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              RAISE EXCEPTION 'bookings are ended, never deleted'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'appointments_booking_kept';
            END $$;
            CREATE TRIGGER appointments_keep_booking BEFORE DELETE ON appointments_booking
              FOR EACH ROW EXECUTE FUNCTION appointments_keep_booking();
            """,
            """
            DROP FUNCTION appointments_take_seats, appointments_free_seats,
              appointments_keep_booking CASCADE;
            """,
        ),
    ]
