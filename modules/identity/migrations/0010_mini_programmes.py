from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0009_staff_units")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MiniProgrammeLink",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField()),
                ("platform", fields.CharField(max_length=16)),
                ("subject_index", fields.BinaryField()),
                ("subject_sealed", fields.BinaryField()),
                ("union_sealed", fields.BinaryField(null=True)),
                ("linked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_mini_programme_link",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "That a platform's user is the owner of an account: one of each platform at most.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX identity_mini_programme_link_subject
              ON identity_mini_programme_link (subject_index);
            CREATE UNIQUE INDEX identity_mini_programme_link_citizen
              ON identity_mini_programme_link (citizen_id, platform);
            """,
            """
            DROP INDEX identity_mini_programme_link_subject, identity_mini_programme_link_citizen;
            """,
        ),
    ]
