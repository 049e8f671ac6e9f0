from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("bills", "0003_autopay")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BillInvoice",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("intent_id", fields.UUIDField(unique=True)),
                ("kind", fields.CharField(max_length=16)),
                ("buyer_sealed", fields.BinaryField()),
                ("state", fields.CharField(max_length=16)),
                ("requested_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("attempts", fields.SmallIntField(default=0)),
                ("request_no", fields.CharField(null=True, max_length=64)),
                ("invoice_no", fields.CharField(null=True, max_length=64)),
                ("invoice_url", fields.CharField(null=True, max_length=512)),
                ("issued_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reason", fields.CharField(null=True, max_length=32)),
            ],
            options={
                "table": "bills_invoice",
                "app": "bills",
                "pk_attr": "id",
                "table_description": "A request that a biller issues the invoice of a payment; name and number are sealed.",
            },
            bases=["Model"],
        ),
    ]
