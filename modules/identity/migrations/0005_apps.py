from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0004_passkeys")]

    initial = False

    operations = [
        ops.CreateModel(
            name="OpenidClient",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("name", fields.CharField(max_length=64)),
                ("redirect_uris", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("secret_hash", fields.BinaryField(null=True)),
                ("is_active", fields.BooleanField(default=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_openid_client",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "Another organisation's app. Without `secret_hash` it is a public client (RFC 6749 2.1).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OpenidGrant",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("client_id", fields.UUIDField()),
                ("scopes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("level", fields.SmallIntField()),
                ("authenticated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("granted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_openid_grant",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "That somebody let an app know them, and what of them; each sign-in is a row.",
            },
            bases=["Model"],
        ),
    ]
