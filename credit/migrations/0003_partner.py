from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("credit", "0002_lending")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Bank",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("name_zh", fields.CharField(max_length=64)),
                ("name_en", fields.CharField(max_length=64)),
                ("scopes", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("keys", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("keys_url", fields.CharField(null=True, max_length=512)),
                (
                    "keys_read_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                (
                    "keys_tried_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("endpoint_id", fields.UUIDField(null=True)),
                ("is_sandbox", fields.BooleanField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "suspended_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "credit_partner_bank",
                "app": "credit",
                "pk_attr": "id",
                "table_description": "A bank that may call: its keys, or where they are, and what it may do.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OverdueReport",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("bank_id", fields.CharField(max_length=64)),
                ("loan_id", fields.UUIDField()),
                ("day_on", fields.DateField()),
                ("overdue_fen", fields.BigIntField()),
                ("days_overdue", fields.IntField()),
                ("agrees", fields.BooleanField()),
                ("reported_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "credit_partner_overdue_report",
                "app": "credit",
                "unique_together": (("loan_id", "day_on"),),
                "indexes": [Index(fields=["bank_id", "day_on"])],
                "pk_attr": "id",
                "table_description": "What a bank says is overdue of a loan at the end of a day, beside what we say.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProofUse",
            fields=[
                (
                    "use_key",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                (
                    "forget_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "credit_partner_proof_use",
                "app": "credit",
                "pk_attr": "use_key",
                "table_description": "A proof or assertion that was used, until it could not be used again anyway.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ReconciliationFile",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("bank_id", fields.CharField(max_length=64)),
                ("day_on", fields.DateField()),
                ("lines", fields.TextField(unique=False)),
                ("received_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "credit_partner_reconciliation_file",
                "app": "credit",
                "unique_together": (("bank_id", "day_on"),),
                "pk_attr": "id",
                "table_description": "A bank's file of a day, the last one it sent. `lines` is JSON.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Reply",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("bank_id", fields.CharField(max_length=64)),
                ("key", fields.CharField(max_length=64)),
                ("request_hash", fields.BinaryField()),
                ("busy_until", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("status", fields.IntField(null=True)),
                ("headers", fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ("body_sealed", fields.BinaryField(null=True)),
                (
                    "expires_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "credit_partner_reply",
                "app": "credit",
                "unique_together": (("bank_id", "key"),),
                "pk_attr": "id",
                "table_description": "What a bank's idempotency key stands for: a request, and its answer once there is one.",
            },
            bases=["Model"],
        ),
    ]
