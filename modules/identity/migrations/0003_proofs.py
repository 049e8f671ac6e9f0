from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_people")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Recovery",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("name_sealed", fields.BinaryField()),
                ("resident_sealed", fields.BinaryField()),
                ("phone_sealed", fields.BinaryField()),
                ("state", fields.CharField(max_length=16)),
                ("proposed_by", fields.UUIDField()),
                ("proposed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("approved_by", fields.UUIDField(null=True)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity_recovery",
                "app": "identity",
                "indexes": [Index(fields=["state", "due_at"])],
                "pk_attr": "id",
                "table_description": "That an account shall have another phone, because two officers saw the person at a counter.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Citizen",
            name="assurance",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="Session",
            name="opened_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Session",
            name="grace_from",
            field=fields.IntField(default=1),
        ),
        ops.AddField(
            model_name="Session",
            name="proved",
            field=fields.BooleanField(default=True),
        ),
        ops.AlterModelOptions(
            name="Session",
            options={
                "table": "identity_session",
                "app": "identity",
                "pk_attr": "id",
                "table_description": "A signed-in device. `generation` counts its refresh tokens: the newest is good, and for a",
            },
        ),
    ]
