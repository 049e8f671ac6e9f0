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
            name="AccessLog",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("subject_id", fields.UUIDField()),
                ("actor_id", fields.UUIDField()),
                ("service", fields.CharField(max_length=64)),
                ("upstream", fields.CharField(max_length=64)),
                ("purpose", fields.CharField(max_length=64)),
                ("fields_read", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("request_id", fields.CharField(max_length=64)),
                ("read_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "core_access_log",
                "app": "core",
                "indexes": [Index(fields=["subject_id", "read_at"])],
                "pk_attr": "id",
                "table_description": "One read of personal data: who looked at whose data, through which service, and why.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("subject_id", fields.UUIDField()),
                ("purpose", fields.CharField(max_length=64)),
                ("text_version", fields.CharField(max_length=32)),
                ("granted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "withdrawn_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "core_consent",
                "app": "core",
                "indexes": [Index(fields=["subject_id", "purpose"])],
                "pk_attr": "id",
                "table_description": "A person's consent that data is read for one purpose; withdrawn, never deleted.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Idempotency",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("subject", fields.CharField(max_length=64)),
                ("operation", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=64)),
                ("input_hash", fields.BinaryField()),
                ("effect_id", fields.UUIDField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "expires_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "core_idempotency",
                "app": "core",
                "unique_together": (("subject", "operation", "key"),),
                "pk_attr": "id",
                "table_description": "An idempotency key, the hash of its input and the effect it stands for.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RateCounter",
            fields=[
                (
                    "key",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128),
                ),
                ("count", fields.IntField()),
                (
                    "ends_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "core_rate_counter",
                "app": "core",
                "pk_attr": "key",
                "table_description": "How often something happened in its present window.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SessionRevocation",
            fields=[
                (
                    "session_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                (
                    "revoked_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "core_session_revocation",
                "app": "core",
                "pk_attr": "session_id",
                "table_description": "A session that ended before its access tokens did.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX core_consent_live ON core_consent (subject_id, purpose, text_version)
              WHERE withdrawn_at IS NULL;
            """,
            "DROP INDEX core_consent_live;",
        ),
    ]
