from tortoise import fields, migrations
from tortoise.migrations import operations as ops

GIVE_IDS = """
UPDATE community_report
   SET case_id = id, id = (left(id::text, 28) || right(md5(id::text), 8))::uuid;
UPDATE community_report o SET merged_into = r.id
  FROM community_report r WHERE r.case_id = o.merged_into;
UPDATE community_report_photo o SET report_id = r.id
  FROM community_report r WHERE r.case_id = o.report_id;
UPDATE community_report_update o SET report_id = r.id
  FROM community_report r WHERE r.case_id = o.report_id;
UPDATE community_report_follow o SET report_id = r.id
  FROM community_report r WHERE r.case_id = o.report_id;
"""


class Migration(migrations.Migration):
    """A report had the id of its case; now it has its own, and names its case.

    The new ids begin as the old ones do: lists by id keep their order.
    """

    dependencies = [("community", "0001_initial")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Report",
            name="case_id",
            field=fields.UUIDField(null=True),
        ),
        ops.RunSQL(
            GIVE_IDS,
            """
            SELECT 1;
            """,
        ),
        ops.AlterField(
            model_name="Report",
            name="case_id",
            field=fields.UUIDField(unique=True),
        ),
        ops.AlterModelOptions(
            name="Report",
            options={
                "table": "community_report",
                "app": "community",
                "pk_attr": "id",
                "table_description": "The public side of a report.",
            },
        ),
    ]
