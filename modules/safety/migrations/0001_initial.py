from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="AlertPlace",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=8)),
                ("label", fields.CharField(max_length=16)),
                ("cell", fields.CharField(db_index=True, max_length=24)),
                ("spot_sealed", fields.BinaryField(null=True)),
                ("district_code", fields.CharField(max_length=6)),
                ("min_level", fields.CharField(max_length=16)),
                ("wants_drills", fields.BooleanField()),
                ("until_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_alert_place",
                "app": "safety",
                "unique_together": (("citizen_id", "kind", "label"),),
                "pk_attr": "id",
                "table_description": "A place for which a citizen is warned: in plain only to about a kilometre.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AlertRecipient",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("alert_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField(db_index=True)),
            ],
            options={
                "table": "safety_alert_recipient",
                "app": "safety",
                "unique_together": (("alert_id", "citizen_id"),),
                "pk_attr": "id",
                "table_description": "Somebody who was told of an alert: who is told of its updates and its end.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EmergencyAlert",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("sender", fields.CharField(max_length=256)),
                ("identifier", fields.CharField(max_length=256)),
                ("status", fields.CharField(max_length=16)),
                ("msg_type", fields.CharField(max_length=16)),
                ("state", fields.CharField(db_index=True, max_length=16)),
                ("reference_ids", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("of_unknown", fields.BooleanField()),
                ("digest", fields.BinaryField()),
                ("body", fields.BinaryField()),
                ("sent_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("received_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_alert",
                "app": "safety",
                "unique_together": (("sender", "identifier"),),
                "pk_attr": "id",
                "table_description": "An alert as it came. Its sender's identifier is its own for ever.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GateEvent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("school_code", fields.CharField(max_length=32)),
                ("event_ref", fields.CharField(max_length=64)),
                ("pupil_ref", fields.CharField(max_length=64)),
                ("gate_ref", fields.CharField(max_length=64)),
                ("direction", fields.CharField(max_length=3)),
                ("device_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "occurred_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
                ("received_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("is_late", fields.BooleanField()),
                ("is_repeat", fields.BooleanField()),
                ("told_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_gate_event",
                "app": "safety",
                "unique_together": (("school_code", "event_ref"),),
                "indexes": [Index(fields=["school_code", "pupil_ref", "occurred_at"])],
                "pk_attr": "id",
                "table_description": "A reading of a gate of a pupil whom somebody follows; kept for 30 days.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GateFeed",
            fields=[
                (
                    "school_code",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32),
                ),
                ("heard_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_gate_feed",
                "app": "safety",
                "pk_attr": "school_code",
                "table_description": "When a school's gates were last heard of, with or without readings.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GateFollow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("child_id", fields.UUIDField(db_index=True)),
                ("school_code", fields.CharField(max_length=32)),
                ("pupil_ref", fields.CharField(max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_gate_follow",
                "app": "safety",
                "unique_together": (("citizen_id", "child_id"),),
                "indexes": [Index(fields=["school_code", "pupil_ref"])],
                "pk_attr": "id",
                "table_description": "A guardian who is told of a child's comings and goings; the school calls it `pupil_ref`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SchoolLeave",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("child_id", fields.UUIDField(db_index=True)),
                ("from_on", fields.DateField()),
                ("until_on", fields.DateField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_school_leave",
                "app": "safety",
                "pk_attr": "id",
                "table_description": "That a child stays away from school on some days, filed by a guardian.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SchoolVideoView",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("child_id", fields.UUIDField(db_index=True)),
                ("school_code", fields.CharField(max_length=32)),
                ("pupil_ref", fields.CharField(max_length=64)),
                ("camera_ref", fields.CharField(max_length=64)),
                ("address_index", fields.BinaryField()),
                ("player_index", fields.BinaryField(null=True)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "safety_video_view",
                "app": "safety",
                "indexes": [Index(fields=["school_code", "opened_at"])],
                "pk_attr": "id",
                "table_description": "A guardian watches a camera. `address_index` and `player_index` stand for the network address",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SilenceAlarm",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("child_id", fields.UUIDField()),
                ("on_day", fields.DateField()),
                ("kind", fields.CharField(max_length=16)),
                ("raised_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "withdrawn_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "safety_silence_alarm",
                "app": "safety",
                "unique_together": (("child_id", "on_day", "kind"),),
                "pk_attr": "id",
                "table_description": "That a child had not arrived by the school's time; at most one of a kind a day.",
            },
            bases=["Model"],
        ),
    ]
