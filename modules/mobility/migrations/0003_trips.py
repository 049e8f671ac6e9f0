from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("mobility", "0002_fines")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Trip",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("trip_no", fields.CharField(unique=True, max_length=64)),
                ("mode", fields.CharField(max_length=8)),
                ("entered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("fare_fen", fields.BigIntField()),
                ("status", fields.CharField(max_length=8)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("intent_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "mobility_trip",
                "app": "mobility",
                "pk_attr": "id",
                "table_description": "A trip that was unpaid when its rider looked; no other trip is kept here.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE mobility_trip
              ADD CONSTRAINT mobility_trip_fare CHECK (fare_fen > 0),
              ADD CONSTRAINT mobility_trip_status CHECK (status IN ('UNPAID', 'PAID'));
            """,
            """
            ALTER TABLE mobility_trip DROP CONSTRAINT mobility_trip_fare,
              DROP CONSTRAINT mobility_trip_status;
            """,
        ),
    ]
