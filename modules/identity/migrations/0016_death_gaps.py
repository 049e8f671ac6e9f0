from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0015_closed_accounts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DeathGap",
            fields=[
                (
                    "after_no",
                    fields.BigIntField(
                        primary_key=True, generated=False, unique=True, db_index=True
                    ),
                ),
                ("record_no", fields.BigIntField(null=True)),
                ("found_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("asked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_death_gap",
                "app": "identity",
                "pk_attr": "after_no",
                "table_description": "Where the registry's log had a record that could not be read: behind the record `after_no`.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Death",
            name="withdraws",
            field=fields.BigIntField(null=True, db_index=True),
        ),
        ops.RunSQL(
            """
            CREATE INDEX identity_death_open ON identity_death (record_no)
              WHERE ended_at IS NULL AND withdrawn_at IS NULL;
            """,
            "DROP INDEX identity_death_open;",
        ),
    ]
