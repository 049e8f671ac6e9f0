"""Cases that a merge of accounts has left with a closed one go to its owner."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Data alone."""

    dependencies = [("applications", "0006_moves"), ("core", "0005_turns")]

    initial = False

    operations = [
        # the owner has an open one of the same kind, or it would have gone along
        ops.RunSQL(
            "UPDATE applications_case c SET citizen_id = m.owner_id, exclusive_key = NULL"
            "  FROM core_merged_account m WHERE c.citizen_id = m.id",
            "SELECT 1",
        ),
    ]
