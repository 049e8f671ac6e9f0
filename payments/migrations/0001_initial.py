from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("code", fields.CharField(unique=True, max_length=96)),
                ("normal", fields.CharField(max_length=1)),
                ("guarded", fields.BooleanField()),
                ("shards", fields.SmallIntField()),
            ],
            options={
                "table": "payments_account",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "An account of the ledger; see payments.ledger.accounts.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Balance",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        primary_key=True, generated=False, unique=True, db_index=True
                    ),
                ),
                ("account_id", fields.BigIntField(db_index=True)),
                ("guard", fields.CharField(max_length=1)),
                ("debit_fen", fields.BigIntField()),
                ("credit_fen", fields.BigIntField()),
                ("held_fen", fields.BigIntField()),
            ],
            options={
                "table": "payments_balance",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "The totals of one account, or of one shard of a busy one: id = account × 64 + shard.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CallbackNonce",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=96),
                ),
                (
                    "heard_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "payments_callback_nonce",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "A callback that was heard: the same one again is a replay.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Chain",
            fields=[
                (
                    "chain",
                    fields.SmallIntField(
                        primary_key=True, generated=False, unique=True, db_index=True
                    ),
                ),
                ("seq", fields.BigIntField()),
                ("hash", fields.BinaryField()),
            ],
            options={
                "table": "payments_chain",
                "app": "payments",
                "pk_attr": "chain",
                "table_description": "The end of one hash chain. Connections write to different chains and never wait.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Counter",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32),
                ),
                ("value", fields.BigIntField()),
            ],
            options={
                "table": "payments_counter",
                "app": "payments",
                "pk_attr": "name",
                "table_description": "The last number drawn of a series without gaps.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("journal_id", fields.UUIDField()),
                ("position", fields.SmallIntField()),
                ("account_id", fields.BigIntField()),
                ("side", fields.CharField(max_length=1)),
                ("amount_fen", fields.BigIntField()),
            ],
            options={
                "table": "payments_entry",
                "app": "payments",
                "unique_together": (("journal_id", "position"),),
                "indexes": [Index(fields=["account_id", "id"])],
                "pk_attr": "id",
                "table_description": "One amount on one side of one account.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("key", fields.CharField(unique=True, max_length=96)),
                ("account_id", fields.BigIntField()),
                ("amount_fen", fields.BigIntField()),
                ("posted_fen", fields.BigIntField()),
                ("state", fields.CharField(max_length=16)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_hold",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "An amount of an account set aside: posted (perhaps in part), voided or expired.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Intent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("payer_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=32)),
                ("subject_ref", fields.CharField(max_length=64)),
                ("payee", fields.CharField(max_length=32)),
                ("title_zh", fields.CharField(max_length=64)),
                ("title_en", fields.CharField(max_length=64)),
                ("amount_fen", fields.BigIntField()),
                ("psp", fields.CharField(max_length=16)),
                ("client_address", fields.CharField(max_length=45)),
                ("state", fields.CharField(max_length=24)),
                ("cashier_url", fields.CharField(null=True, max_length=512)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("captured_fen", fields.BigIntField(default=0)),
                ("refunding_fen", fields.BigIntField(default=0)),
                ("refunded_fen", fields.BigIntField(default=0)),
                ("fulfilment_ref", fields.CharField(null=True, max_length=64)),
                ("receipt_no", fields.CharField(null=True, unique=True, max_length=16)),
                (
                    "receipt_issued_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("refusal", fields.CharField(null=True, max_length=32)),
                ("checks", fields.SmallIntField(default=0)),
                ("attempts", fields.SmallIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("paid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_intent",
                "app": "payments",
                "indexes": [
                    Index(fields=["payer_id", "id"]),
                    Index(fields=["kind", "subject_ref"]),
                ],
                "pk_attr": "id",
                "table_description": "One payment, from the wish to pay to the receipt. Its id is the merchant order number.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Journal",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("kind", fields.CharField(max_length=32)),
                ("key", fields.CharField(unique=True, max_length=96)),
                ("intent_id", fields.UUIDField(null=True)),
                ("posted_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("entry_count", fields.SmallIntField()),
                ("chain", fields.SmallIntField()),
                ("seq", fields.BigIntField()),
                ("hash", fields.BinaryField()),
            ],
            options={
                "table": "payments_journal",
                "app": "payments",
                "unique_together": (("chain", "seq"),),
                "pk_attr": "id",
                "table_description": "A journal transaction, chained by hash to the one before it in its chain.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("intent_id", fields.UUIDField(db_index=True)),
                ("key", fields.CharField(unique=True, max_length=96)),
                ("hold_id", fields.UUIDField()),
                ("amount_fen", fields.BigIntField()),
                ("reason", fields.CharField(max_length=32)),
                ("state", fields.CharField(max_length=16)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("attempts", fields.SmallIntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_refund",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "Money on its way back to the payer. Its id is the merchant refund number.",
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
                ("name", fields.CharField(max_length=64)),
                ("payer_id", fields.UUIDField()),
                ("reported_on", fields.DateField(db_index=True)),
                ("amount_fen", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_report",
                "app": "payments",
                "unique_together": (("name", "payer_id", "reported_on"),),
                "pk_attr": "id",
                "table_description": "A person's daily total that has to be reported; written once, never changed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Usage",
            fields=[
                (
                    "key",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=128),
                ),
                ("used_fen", fields.BigIntField()),
                ("used_on", fields.DateField(db_index=True)),
            ],
            options={
                "table": "payments_usage",
                "app": "payments",
                "pk_attr": "key",
                "table_description": "How much a person has paid on a day, by the rule that counts it.",
            },
            bases=["Model"],
        ),
    ]
