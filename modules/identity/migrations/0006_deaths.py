from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0005_apps")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Death",
            fields=[
                (
                    "record_no",
                    fields.BigIntField(
                        primary_key=True, generated=False, unique=True, db_index=True
                    ),
                ),
                ("resident_index", fields.BinaryField()),
                ("died_on", fields.DateField()),
                ("read_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("citizen_id", fields.UUIDField(null=True, db_index=True)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "withdrawn_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "identity_death",
                "app": "identity",
                "pk_attr": "record_no",
                "table_description": "A death by the registry's running number: no account is made in this name any more.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Citizen",
            name="died_on",
            field=fields.DateField(null=True),
        ),
        ops.RunSQL(
            "CREATE INDEX identity_death_resident ON identity_death (resident_index);",
            "DROP INDEX identity_death_resident;",
        ),
    ]
