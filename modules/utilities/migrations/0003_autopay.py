from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("bills", "0002_reminders_outages")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Autopay",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("link_id", fields.UUIDField(db_index=True)),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("contract_id", fields.UUIDField()),
                ("bill_ceiling_fen", fields.BigIntField()),
                ("month_ceiling_fen", fields.BigIntField()),
                ("text_version", fields.CharField(max_length=32)),
                ("state", fields.CharField(max_length=16)),
                ("agreed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("end_reason", fields.CharField(null=True, max_length=32)),
                ("looked_on", fields.DateField(null=True)),
            ],
            options={
                "table": "bills_autopay",
                "app": "bills",
                "pk_attr": "id",
                "table_description": "A payer's consent that the bills of a linked account are paid by themselves, and its limits.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AutopayCharge",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("autopay_id", fields.UUIDField()),
                ("bill_id", fields.UUIDField(db_index=True)),
                ("amount_fen", fields.BigIntField()),
                ("month_on", fields.DateField()),
                ("announced_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("pay_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.CharField(null=True, max_length=32)),
                ("intent_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "bills_autopay_charge",
                "app": "bills",
                "unique_together": (("autopay_id", "bill_id"),),
                "pk_attr": "id",
                "table_description": "One bill that autopay announced, pays or passed over.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX bills_autopay_live ON bills_autopay (link_id)
              WHERE state <> 'ended';
            CREATE UNIQUE INDEX bills_autopay_charge_live ON bills_autopay_charge (bill_id)
              WHERE state IN ('announced', 'paying', 'paid');
            CREATE INDEX bills_autopay_charge_due ON bills_autopay_charge (pay_at)
              WHERE state IN ('announced', 'paying');
            ALTER TABLE bills_autopay ADD CONSTRAINT bills_autopay_ceilings
              CHECK (0 < bill_ceiling_fen AND bill_ceiling_fen <= month_ceiling_fen);
            """,
        ),
    ]
