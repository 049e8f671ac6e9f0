"""How cases are closed: proposed by one, decided by another; the database knows the difference."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_FOUR_EYES = """
ALTER TABLE payments_correction
  ADD CONSTRAINT payments_correction_case FOREIGN KEY (case_id) REFERENCES payments_case,
  ADD CONSTRAINT payments_correction_four_eyes CHECK (decided_by <> proposed_by),
  ADD CONSTRAINT payments_correction_decided CHECK (
    (state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
  ADD CONSTRAINT payments_correction_kind CHECK (kind IN (
    'WRITE_OFF', 'COST', 'SUSPENSE', 'TAKE_BACK', 'BOOK_REFUND', 'BANK_REFUND', 'NO_POSTING'));
CREATE UNIQUE INDEX payments_correction_open ON payments_correction (case_id)
  WHERE state = 'proposed';
"""


class Migration(migrations.Migration):
    """A table and its constraints."""

    dependencies = [("payments", "0010_cancelling")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Correction",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("case_id", fields.BigIntField(db_index=True)),
                ("kind", fields.CharField(max_length=16)),
                ("note", fields.CharField(max_length=500)),
                ("state", fields.CharField(max_length=16)),
                ("proposed_by", fields.UUIDField()),
                ("proposed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("decided_by", fields.UUIDField(null=True)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_correction",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "How a case is to be closed: proposed by one member of staff, decided by another.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_FOUR_EYES),
    ]
