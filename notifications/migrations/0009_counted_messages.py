from tortoise import migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations import operations as ops

# what was counted today still counts; which messages it was, nobody knows any more
_COUNTED = """
UPDATE notifications_daily_count
   SET messages = ARRAY(SELECT gen_random_uuid() FROM generate_series(1, least(count, 50)))
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_address_session")]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name="DailyCount",
            options={
                "table": "notifications_daily_count",
                "app": "notifications",
                "unique_together": (("person_id", "about", "counted_on"),),
                "pk_attr": "id",
                "table_description": "The messages of a class that have left the inbox for a person on a day of the city.",
            },
        ),
        ops.AddField(
            model_name="DailyCount",
            name="messages",
            field=ArrayField(element_type="UUID", null=True),
        ),
        ops.RunSQL(_COUNTED),
        ops.AlterField(
            model_name="DailyCount", name="messages", field=ArrayField(element_type="UUID")
        ),
        ops.RemoveField(model_name="DailyCount", name="count"),
    ]
