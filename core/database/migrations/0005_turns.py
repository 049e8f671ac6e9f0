"""A sequence that tells what came first; clocks of two processes differ."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """A sequence."""

    dependencies = [("core", "0004_merged_accounts")]

    initial = False

    operations = [ops.RunSQL("CREATE SEQUENCE core_turn")]
