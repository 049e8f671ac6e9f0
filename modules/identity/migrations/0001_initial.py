from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Citizen",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("phone_sealed", fields.BinaryField()),
                ("phone_index", fields.BinaryField()),
                ("name_sealed", fields.BinaryField(null=True)),
                ("resident_sealed", fields.BinaryField(null=True)),
                ("resident_index", fields.BinaryField(null=True)),
                ("level", fields.SmallIntField(default=1)),
                ("roles", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("locale", fields.CharField(default="zh", max_length=2)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "verified_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "identity_citizen",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "A person with an account: one phone, at most one real name.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LoginCode",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("phone_index", fields.BinaryField()),
                ("code_hash", fields.BinaryField()),
                ("attempts", fields.SmallIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "expires_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_login_code",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "A one-time code on its way to a phone; the newest per phone counts.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("device_hash", fields.BinaryField()),
                ("device_name", fields.CharField(max_length=64)),
                ("generation", fields.IntField(default=1)),
                ("rotated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("authenticated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_session",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "A signed-in device. `generation` counts its refresh tokens: only the newest is good.",
            },
            bases=["Model"],
        ),
        # an encrypted column is found by its blind index, and held unique by it
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX identity_citizen_phone ON identity_citizen (phone_index);
            CREATE UNIQUE INDEX identity_citizen_resident ON identity_citizen (resident_index);
            CREATE INDEX identity_login_code_phone
              ON identity_login_code (phone_index, created_at DESC);
            """,
            """
            DROP INDEX identity_citizen_phone, identity_citizen_resident, identity_login_code_phone;
            """,
        ),
    ]
