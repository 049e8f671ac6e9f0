from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("credit", "0003_partner")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="OverdueReport",
            options={
                "table": "credit_partner_overdue_report",
                "app": "credit",
                "unique_together": (("loan_id", "day_on"),),
                "indexes": [Index(fields=["bank_id", "day_on"])],
                "pk_attr": "id",
                "table_description": "What a bank says is overdue of a loan at the end of a day.",
            },
        ),
        ops.RemoveField(model_name="OverdueReport", name="agrees"),
    ]
