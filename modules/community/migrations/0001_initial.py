from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="GridBeat",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("worker_id", fields.UUIDField()),
                ("prefix", fields.CharField(max_length=15)),
            ],
            options={
                "table": "community_grid_beat",
                "app": "community",
                "unique_together": (("worker_id", "prefix"),),
                "pk_attr": "id",
                "table_description": "A part of the city that a grid worker walks: all grids whose codes begin so.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Open311Client",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("name", fields.CharField(max_length=64)),
                ("key_hash", fields.BinaryField()),
                ("is_active", fields.BooleanField(default=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "community_open311_client",
                "app": "community",
                "pk_attr": "id",
                "table_description": "An organisation with a key. Reports that it files are its cases, under its id.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("no", fields.CharField(default="", max_length=48)),
                ("category", fields.CharField(max_length=64)),
                ("state", fields.CharField(max_length=32)),
                ("unit", fields.CharField(default="", max_length=64)),
                ("lat", fields.FloatField()),
                ("lon", fields.FloatField()),
                ("grid_code", fields.CharField(null=True, max_length=15)),
                ("public_text", fields.TextField(null=True, unique=False)),
                ("address", fields.CharField(default="", max_length=200)),
                ("is_open", fields.BooleanField(default=True)),
                ("followers", fields.IntField(default=0)),
                ("promised_on", fields.DateField(null=True)),
                ("fixed_on", fields.DateField(null=True)),
                ("merged_into", fields.UUIDField(null=True)),
                ("filed_on", fields.DateField()),
                ("filed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "community_report",
                "app": "community",
                "pk_attr": "id",
                "table_description": "The public side of a report; its id is its case's.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReportFollow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("report_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField()),
                ("followed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "community_report_follow",
                "app": "community",
                "unique_together": (("report_id", "citizen_id"),),
                "indexes": [Index(fields=["citizen_id", "id"])],
                "pk_attr": "id",
                "table_description": "Somebody who is told of each step of a report.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReportPhoto",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("owner_id", fields.UUIDField(db_index=True)),
                ("report_id", fields.UUIDField(null=True, db_index=True)),
                ("size_bytes", fields.IntField()),
                ("received_bytes", fields.IntField(default=0)),
                ("media_type", fields.CharField(null=True, max_length=32)),
                ("picture_hash", fields.BigIntField(null=True)),
                ("is_proof", fields.BooleanField(default=False)),
                ("is_public", fields.BooleanField(default=False)),
                ("begun_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "community_report_photo",
                "app": "community",
                "pk_attr": "id",
                "table_description": "A photograph, from the first byte of its upload on.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReportPhotoPart",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("photo_id", fields.UUIDField()),
                ("position", fields.IntField()),
                ("key_sealed", fields.BinaryField()),
                ("content", fields.BinaryField()),
            ],
            options={
                "table": "community_report_photo_part",
                "app": "community",
                "unique_together": (("photo_id", "position"),),
                "pk_attr": "id",
                "table_description": "Sealed bytes of a photograph: the original in the pieces in which it came, each from a",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReportUpdate",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("report_id", fields.UUIDField(db_index=True)),
                ("sequence", fields.IntField()),
                ("event", fields.CharField(max_length=32)),
                ("state", fields.CharField(max_length=32)),
                ("unit", fields.CharField(max_length=64)),
                ("note", fields.TextField(default="", unique=False)),
                ("happened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "community_report_update",
                "app": "community",
                "indexes": [Index(fields=["happened_at", "id"])],
                "pk_attr": "id",
                "table_description": "What happened to a report, for everybody; `note` is what the unit said to it.",
            },
            bases=["Model"],
        ),
        # what is looked for, and what a row may never say
        ops.RunSQL(
            """
            ALTER TABLE community_report
              ADD CONSTRAINT community_report_open CHECK (is_open = (state IN ('filed', 'handling'))),
              ADD CONSTRAINT community_report_fixed CHECK (NOT is_open OR fixed_on IS NULL),
              ADD CONSTRAINT community_report_grid CHECK (grid_code ~ '^([0-9]{15})?$'),
              ADD CONSTRAINT community_report_followers CHECK (followers >= 0),
              ADD CONSTRAINT community_report_place
                CHECK (lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180);
            CREATE UNIQUE INDEX community_report_no ON community_report (no) WHERE no <> '';
            CREATE INDEX community_report_place_open ON community_report
              USING gist (point(lon, lat)) WHERE is_open;
            CREATE INDEX community_report_place_any ON community_report USING gist (point(lon, lat));
            CREATE INDEX community_report_category ON community_report (category, id);
            CREATE INDEX community_report_filed ON community_report (filed_at, id);
            CREATE INDEX community_report_tally ON community_report (filed_on)
              INCLUDE (unit, state, promised_on, fixed_on);
            CREATE INDEX community_grid_beat_prefix ON community_grid_beat (prefix);
            CREATE INDEX community_report_photo_free ON community_report_photo (id)
              WHERE report_id IS NULL;
            ALTER TABLE community_report_photo
              ADD CONSTRAINT community_report_photo_whole CHECK (received_bytes <= size_bytes
                AND (media_type IS NULL OR received_bytes = size_bytes)
                AND (report_id IS NULL OR media_type IS NOT NULL));
            """,
            """
            SELECT 1;
            """,
        ),
    ]
