from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("health", "0002_card_and_queue")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("enrolment_id", fields.UUIDField(db_index=True)),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("rule", fields.CharField(max_length=48)),
                ("severity", fields.CharField(max_length=8)),
                ("raised_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("handled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_alert",
                "app": "health",
                "pk_attr": "id",
                "table_description": "That a rule was met and who looks after the person has to see it; open until handled.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CarePlan",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("enrolment_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("version", fields.IntField()),
                ("goals", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("every_days", fields.SmallIntField()),
                ("note_sealed", fields.BinaryField(null=True)),
                ("is_by_staff", fields.BooleanField()),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_care_plan",
                "app": "health",
                "unique_together": (("enrolment_id", "version"),),
                "pk_attr": "id",
                "table_description": "A version of an enrolment's plan; the newest holds.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Enrolment",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("programme", fields.CharField(max_length=32)),
                ("label", fields.CharField(max_length=16)),
                ("facts", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("enrolled_on", fields.DateField()),
                ("enrolled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("close_reason", fields.CharField(null=True, max_length=16)),
                ("checked_on", fields.DateField(null=True)),
                (
                    "tried_at",
                    fields.DatetimeField(
                        null=True, db_index=True, auto_now=False, auto_now_add=False
                    ),
                ),
            ],
            options={
                "table": "health_enrolment",
                "app": "health",
                "pk_attr": "id",
                "table_description": "That somebody takes part in a programme, from the day they joined until it is closed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FollowUp",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("enrolment_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("code", fields.CharField(max_length=32)),
                ("name_zh", fields.CharField(max_length=64)),
                ("name_en", fields.CharField(max_length=96)),
                ("from_on", fields.DateField()),
                ("until_on", fields.DateField()),
                ("state", fields.CharField(max_length=8)),
                ("booked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("place", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "health_follow_up",
                "app": "health",
                "unique_together": (("enrolment_id", "code"),),
                "pk_attr": "id",
                "table_description": "A visit of an enrolment: due between two days, booked for a moment, kept.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Measurement",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("enrolment_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("values", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("measured_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("typed_as", fields.CharField(max_length=16)),
                ("stored_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "health_measurement",
                "app": "health",
                "indexes": [Index(fields=["enrolment_id", "measured_at"])],
                "pk_attr": "id",
                "table_description": "What was measured at one moment, in the units of `domain.UNIT`, as it was typed.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX health_alert_open ON health_alert (enrolment_id, rule)
              WHERE handled_at IS NULL;
            ALTER TABLE health_enrolment ADD CONSTRAINT health_enrolment_closed
              CHECK ((closed_at IS NULL) = (close_reason IS NULL));
            ALTER TABLE health_follow_up ADD CONSTRAINT health_follow_up_days
              CHECK (from_on <= until_on);
            ALTER TABLE health_follow_up ADD CONSTRAINT health_follow_up_state
              CHECK (state IN ('DUE', 'BOOKED', 'KEPT') AND (state <> 'BOOKED' OR booked_at IS NOT NULL));
            ALTER TABLE health_care_plan ADD CONSTRAINT health_care_plan_days
              CHECK (version > 0 AND every_days BETWEEN 1 AND 90);
            """,
        ),
    ]
