from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Mandate",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("actor_id", fields.UUIDField()),
                ("subject_id", fields.UUIDField(null=True)),
                ("phone_index", fields.BinaryField(null=True)),
                ("services", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("state", fields.CharField(max_length=16)),
                ("registry_ref", fields.CharField(null=True, max_length=64)),
                ("proposed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "confirmed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("ends_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_by", fields.UUIDField(null=True)),
            ],
            options={
                "table": "identity_mandate",
                "app": "identity",
                "indexes": [
                    Index(fields=["actor_id", "subject_id"]),
                    Index(fields=["subject_id"]),
                    Index(fields=["phone_index"]),
                ],
                "pk_attr": "id",
                "table_description": "That one person may act for another. A proposal is addressed to a phone, account or not.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Staff",
            fields=[
                (
                    "citizen_id",
                    fields.UUIDField(primary_key=True, generated=False, unique=True, db_index=True),
                ),
                ("roles", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("department", fields.CharField(max_length=64)),
                ("totp_sealed", fields.BinaryField()),
                ("totp_step", fields.BigIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "suspended_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "identity_staff",
                "app": "identity",
                "pk_attr": "citizen_id",
                "table_description": "A member of staff: roles, and the secret of the authenticator (RFC 6238).",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="Citizen",
            name="phone_index",
            field=fields.BinaryField(null=True),
        ),
        ops.AlterField(
            model_name="Citizen",
            name="phone_sealed",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Citizen",
            name="closed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RemoveField(model_name="Citizen", name="roles"),
        ops.AddField(
            model_name="Session",
            name="address_sealed",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Session",
            name="is_staff",
            field=fields.BooleanField(default=False),
        ),
        # one live ground per pair, and one open proposal per pair
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX identity_mandate_live
              ON identity_mandate (kind, actor_id, subject_id) WHERE state = 'active';
            CREATE UNIQUE INDEX identity_mandate_proposed
              ON identity_mandate (actor_id, phone_index) WHERE state = 'proposed';
            ALTER TABLE identity_mandate ADD CONSTRAINT identity_mandate_not_oneself
              CHECK (actor_id <> subject_id);
            """,
            "DROP INDEX identity_mandate_live, identity_mandate_proposed;",
        ),
    ]
