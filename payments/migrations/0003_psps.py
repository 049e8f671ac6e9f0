from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="LeftOrder",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("intent_id", fields.UUIDField()),
                ("psp", fields.CharField(max_length=16)),
                ("evidence", fields.CharField(max_length=8)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("captured_fen", fields.BigIntField(default=0)),
                ("paid_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("left_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("checks", fields.SmallIntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_left_order",
                "app": "payments",
                "unique_together": (("intent_id", "psp"),),
                "pk_attr": "id",
                "table_description": "An order that an intent has left: another PSP takes the payment.",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="Intent",
            name="cashier_url",
            field=fields.CharField(null=True, max_length=2048),
        ),
        ops.AddField(
            model_name="Intent",
            name="next_psp",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="Intent",
            name="order_tries",
            field=fields.SmallIntField(null=True),
        ),
        ops.RunSQL("UPDATE payments_intent SET order_tries = 1"),
        ops.AlterField(
            model_name="Intent",
            name="order_tries",
            field=fields.SmallIntField(default=1),
        ),
        ops.AddField(
            model_name="Refund",
            name="psp",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.RunSQL(
            "UPDATE payments_refund r SET psp = i.psp FROM payments_intent i WHERE i.id = r.intent_id"
        ),
        ops.AlterField(
            model_name="Refund",
            name="psp",
            field=fields.CharField(max_length=16),
        ),
    ]
