from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="AccessFlag",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("actor_id", fields.UUIDField()),
                ("actor_role", fields.CharField(max_length=32)),
                ("hour_starts_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("people_count", fields.IntField()),
                ("flagged_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "core_access_flag",
                "app": "core",
                "unique_together": (("actor_id", "hour_starts_at"),),
                "pk_attr": "id",
                "table_description": "A member of staff looked at unusually many people within an hour.",
            },
            bases=["Model"],
        ),
        ops.RemoveIndex(
            model_name="AccessLog",
            name=None,
            fields=["subject_id", "read_at"],
        ),
        ops.AddField(
            model_name="AccessLog",
            name="actor_role",
            field=fields.CharField(null=True, max_length=32),
        ),
        ops.AddField(
            model_name="AccessLog",
            name="basis_ref",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="AccessLog",
            name="mandate_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddIndex(
            model_name="AccessLog",
            index=Index(fields=["subject_id", "id"]),
        ),
        ops.AddIndex(
            model_name="AccessLog",
            index=Index(fields=["actor_role", "read_at"]),
        ),
        ops.AddField(
            model_name="Consent",
            name="fields_agreed",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="Consent",
            name="granted_by",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Consent",
            name="recipient",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Consent",
            name="source",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="Consent",
            name="until_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        # rows from before: their readers were the people themselves, their consents to the city
        ops.RunSQL(
            """
            ALTER TABLE core_access_log DISABLE TRIGGER USER;
            UPDATE core_access_log SET actor_role = 'self';
            ALTER TABLE core_access_log ENABLE TRIGGER USER;
            UPDATE core_consent SET fields_agreed = '[]', granted_by = subject_id,
                   recipient = 'city', source = split_part(purpose, '.', 1);
            """,
            "",
        ),
        ops.AlterField(
            model_name="AccessLog", name="actor_role", field=fields.CharField(max_length=32)
        ),
        ops.AlterField(
            model_name="Consent",
            name="fields_agreed",
            field=fields.JSONField(encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterField(model_name="Consent", name="granted_by", field=fields.UUIDField()),
        ops.AlterField(
            model_name="Consent", name="recipient", field=fields.CharField(max_length=64)
        ),
        ops.AlterField(model_name="Consent", name="source", field=fields.CharField(max_length=64)),
    ]
