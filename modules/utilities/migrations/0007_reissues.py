"""Re-issues of invoices: one under way for each invoice, and so many in all."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_CONSTRAINTS = """
CREATE UNIQUE INDEX bills_invoice_reissue_live ON bills_invoice_reissue (invoice_id)
  WHERE state IN ('requested', 'confirming', 'red', 'unissued');
ALTER TABLE bills_invoice_reissue
  ADD CONSTRAINT bills_invoice_reissue_no CHECK (no BETWEEN 1 AND 3),
  ADD CONSTRAINT bills_invoice_reissue_counted CHECK ((state = 'refused') = (no IS NULL)),
  ADD CONSTRAINT bills_invoice_reissue_red CHECK (
    (state IN ('red', 'unissued', 'issued')) = (red_invoice_no IS NOT NULL)),
  ADD CONSTRAINT bills_invoice_reissue_confirm CHECK (
    state <> 'confirming' OR confirm_by IS NOT NULL);
"""


class Migration(migrations.Migration):
    dependencies = [("bills", "0006_parts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="InvoiceReissue",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("invoice_id", fields.UUIDField()),
                ("no", fields.SmallIntField(null=True)),
                ("buyer_sealed", fields.BinaryField()),
                ("old_buyer_sealed", fields.BinaryField()),
                ("old_invoice_no", fields.CharField(max_length=64)),
                ("old_invoice_url", fields.CharField(max_length=512)),
                (
                    "old_issued_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("state", fields.CharField(max_length=16)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("attempts", fields.SmallIntField(default=0)),
                ("names", fields.SmallIntField(default=0)),
                ("confirm_by", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("red_invoice_no", fields.CharField(null=True, max_length=64)),
                ("red_invoice_url", fields.CharField(null=True, max_length=512)),
                (
                    "red_issued_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("reason", fields.CharField(null=True, max_length=32)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bills_invoice_reissue",
                "app": "bills",
                "unique_together": (("invoice_id", "no"),),
                "pk_attr": "id",
                "table_description": "That an invoice is cancelled and issued anew in another name; its id is our reference.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_CONSTRAINTS),
    ]
