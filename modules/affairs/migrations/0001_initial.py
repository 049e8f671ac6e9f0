from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="LicencePresentation",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("licence_id", fields.CharField(max_length=64)),
                ("fields_shown", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("state", fields.CharField(max_length=16)),
                ("issued_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "expires_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
                ("verifier_id", fields.UUIDField(null=True)),
                ("shown_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "affairs_licence_presentation",
                "app": "affairs",
                "pk_attr": "id",
                "table_description": "A licence that a citizen is about to show once; its id is the number in the code.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LicenceVerifier",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("name_zh", fields.CharField(max_length=40)),
                ("key_hash", fields.BinaryField()),
                ("is_active", fields.BooleanField(default=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "affairs_licence_verifier",
                "app": "affairs",
                "pk_attr": "id",
                "table_description": "An organisation that may check the licences that people show it; not a person.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE affairs_licence_presentation
              ADD CONSTRAINT affairs_licence_presentation_state
                CHECK (state IN ('issued', 'shown', 'cancelled')),
              ADD CONSTRAINT affairs_licence_presentation_shown
                CHECK ((state = 'shown') = (shown_at IS NOT NULL)
                       AND (shown_at IS NULL) = (verifier_id IS NULL)),
              ADD CONSTRAINT affairs_licence_presentation_life
                CHECK (expires_at > issued_at AND expires_at <= issued_at + interval '60 seconds');
            """,
            """
            ALTER TABLE affairs_licence_presentation
              DROP CONSTRAINT affairs_licence_presentation_state,
              DROP CONSTRAINT affairs_licence_presentation_shown,
              DROP CONSTRAINT affairs_licence_presentation_life;
            """,
        ),
    ]
