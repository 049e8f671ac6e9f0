from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("mobility", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Fine",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("citizen_id", fields.UUIDField(db_index=True)),
                ("violation_no", fields.CharField(unique=True, max_length=64)),
                ("order_no", fields.CharField(null=True, max_length=64)),
                ("offence_zh", fields.CharField(max_length=64)),
                ("offence_en", fields.CharField(max_length=64)),
                ("total_fen", fields.BigIntField(null=True)),
                ("status", fields.CharField(max_length=16)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("intent_id", fields.UUIDField(null=True)),
                ("receipt_no", fields.CharField(null=True, max_length=64)),
            ],
            options={
                "table": "mobility_fine",
                "app": "mobility",
                "pk_attr": "id",
                "table_description": "A violation of a citizen's car, and the order to pay its fine once it is accepted.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(
            """
            ALTER TABLE mobility_fine
              ADD CONSTRAINT mobility_fine_total CHECK (total_fen >= 0),
              ADD CONSTRAINT mobility_fine_status
                CHECK (status IN ('UNCONFIRMED', 'UNPAID', 'SETTLED', 'WITHDRAWN'));
            """,
            """
            ALTER TABLE mobility_fine DROP CONSTRAINT mobility_fine_total,
              DROP CONSTRAINT mobility_fine_status;
            """,
        ),
    ]
