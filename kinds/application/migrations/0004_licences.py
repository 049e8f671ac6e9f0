from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("applications", "0003_rating")]

    initial = False

    operations = [
        ops.AddField(
            model_name="CaseFile",
            name="licence_as_of",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="CaseFile",
            name="licence_ref",
            field=fields.CharField(null=True, max_length=64),
        ),
    ]
