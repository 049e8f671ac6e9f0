from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("mobility", "0003_trips")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ArrivalAlert",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("label", fields.CharField(max_length=16)),
                ("place_sealed", fields.BinaryField()),
                ("minutes_before", fields.SmallIntField(null=True)),
                ("stops_before", fields.SmallIntField(null=True)),
                ("by_schedule", fields.BooleanField()),
                ("service_on", fields.DateField(null=True)),
                (
                    "due_at",
                    fields.DatetimeField(
                        null=True, db_index=True, auto_now=False, auto_now_add=False
                    ),
                ),
                ("weekdays", fields.SmallIntField(default=0)),
                ("window_from_s", fields.IntField(null=True)),
                ("window_until_s", fields.IntField(null=True)),
                ("rung_on", fields.DateField(null=True)),
                ("tracked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lost_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mobility_arrival_alert",
                "app": "mobility",
                "pk_attr": "id",
                "table_description": "That a citizen is rung when a vehicle is near: one of one day, or the first of a line within",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE mobility_arrival_alert
              ADD CONSTRAINT mobility_arrival_alert_threshold CHECK (
                num_nonnulls(minutes_before, stops_before) = 1
                AND coalesce(minutes_before, 1) BETWEEN 1 AND 60
                AND coalesce(stops_before, 1) BETWEEN 1 AND 20),
              ADD CONSTRAINT mobility_arrival_alert_when CHECK (
                CASE WHEN service_on IS NULL
                  THEN weekdays BETWEEN 1 AND 127 AND due_at IS NULL
                    AND window_from_s >= 0 AND window_from_s < window_until_s
                    AND window_until_s <= 86400
                  ELSE weekdays = 0 AND due_at IS NOT NULL END);
            """,
            """
            ALTER TABLE mobility_arrival_alert DROP CONSTRAINT mobility_arrival_alert_threshold,
              DROP CONSTRAINT mobility_arrival_alert_when;
            """,
        ),
    ]
