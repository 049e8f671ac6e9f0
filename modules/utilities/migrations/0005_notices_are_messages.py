from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("bills", "0004_invoices")]

    initial = False

    operations = [
        ops.DeleteModel(name="OutageNotice"),
    ]
