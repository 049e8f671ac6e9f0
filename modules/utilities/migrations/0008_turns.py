"""When a bill was asked for, as a turn: answers are put in order by the database, not by clocks."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A column. Null of what was asked before: it is asked again before it is charged."""

    dependencies = [("bills", "0007_reissues"), ("core", "0005_turns")]

    initial = False

    operations = [
        ops.AddField(model_name="Bill", name="seen_turn", field=fields.BigIntField(null=True)),
    ]
