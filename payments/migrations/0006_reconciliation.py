from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_FUNCTIONS = """
CREATE FUNCTION payments_day(p_at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE
  RETURN (p_at AT TIME ZONE 'Asia/Shanghai')::date;
CREATE FUNCTION payments_ref(p_id uuid) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN replace(p_id::text, '-', '');
CREATE FUNCTION payments_id(p_ref text) RETURNS uuid LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN p_ref ~ '^[0-9a-f]{32}$' THEN p_ref::uuid END;
"""

# Bookings of a day are found by time among years of rows that were written in its order: block
# ranges tell where, and cost the ledger's postings next to nothing.
_GUARDS = """
CREATE INDEX payments_intent_paid ON payments_intent USING brin (paid_at)
  WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX payments_journal_posted ON payments_journal USING brin (posted_at)
  WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX payments_refund_ended ON payments_refund USING brin (ended_at)
  WITH (autosummarize = on, pages_per_range = 32);
ALTER TABLE payments_case
  ADD CONSTRAINT payments_case_kind CHECK (kind IN ('missing_here', 'missing_there', 'amount',
    'fee', 'date', 'duplicate', 'refund'));
ALTER TABLE payments_case_note
  ADD CONSTRAINT payments_case_note_case FOREIGN KEY (case_id) REFERENCES payments_case;
ALTER TABLE payments_crossing
  ADD CONSTRAINT payments_crossing_days CHECK (
    first_on < last_on AND (booked_on IS NULL OR booked_on BETWEEN first_on AND last_on));
ALTER TABLE payments_payout
  ADD CONSTRAINT payments_payout_sum CHECK (
    least(fulfilled_fen, reversed_fen, claimed_fen, fee_fen, amount_fen) >= 0
    AND amount_fen = fulfilled_fen - reversed_fen - claimed_fen - fee_fen);
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_left_for_good")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Case",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("source", fields.CharField(max_length=32)),
                ("booked_on", fields.DateField()),
                ("kind", fields.CharField(max_length=16)),
                ("is_refund", fields.BooleanField()),
                ("ref", fields.CharField(max_length=64)),
                ("their_ref", fields.CharField(null=True, max_length=64)),
                ("intent_id", fields.UUIDField(null=True)),
                ("payee", fields.CharField(null=True, max_length=32)),
                ("blocking", fields.BooleanField()),
                ("crossing", fields.BooleanField()),
                ("our_fen", fields.BigIntField(null=True)),
                ("their_fen", fields.BigIntField(null=True)),
                ("our_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("their_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("state", fields.CharField(max_length=16)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_case",
                "app": "payments",
                "unique_together": (("source", "booked_on", "kind", "is_refund", "ref"),),
                "indexes": [Index(fields=["state", "payee"])],
                "pk_attr": "id",
                "table_description": "A difference between a statement and the ledger; one a day, kind and booking.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CaseNote",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("case_id", fields.BigIntField(db_index=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("actor", fields.CharField(max_length=64)),
                ("event", fields.CharField(max_length=16)),
                ("resolution", fields.CharField(null=True, max_length=16)),
                ("note", fields.CharField(max_length=500)),
            ],
            options={
                "table": "payments_case_note",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "One step of a case: who, when, what, why. Never changed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Crossing",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("source", fields.CharField(max_length=32)),
                ("is_refund", fields.BooleanField()),
                ("ref", fields.CharField(max_length=64)),
                ("intent_id", fields.UUIDField()),
                ("payee", fields.CharField(max_length=32)),
                ("amount_fen", fields.BigIntField()),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("first_on", fields.DateField()),
                ("last_on", fields.DateField()),
                ("booked_on", fields.DateField(null=True)),
            ],
            options={
                "table": "payments_crossing",
                "app": "payments",
                "unique_together": (("source", "is_refund", "ref"),),
                "indexes": [Index(fields=["source", "first_on"])],
                "pk_attr": "id",
                "table_description": "A booking near midnight: it may stand in the statement of any of several days.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Payout",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("payee", fields.CharField(max_length=32)),
                ("settled_on", fields.DateField()),
                ("payments", fields.IntField()),
                ("fulfilled_fen", fields.BigIntField()),
                ("reversed_fen", fields.BigIntField()),
                ("claimed_fen", fields.BigIntField()),
                ("fee_fen", fields.BigIntField()),
                ("amount_fen", fields.BigIntField()),
                ("journal_id", fields.UUIDField(null=True)),
                ("instructed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_payout",
                "app": "payments",
                "unique_together": (("payee", "settled_on"),),
                "pk_attr": "id",
                "table_description": "The instruction to pay a payee what it was owed for a day. Never changed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Statement",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("source", fields.CharField(max_length=32)),
                ("booked_on", fields.DateField()),
                ("digest", fields.CharField(null=True, max_length=64)),
                ("lines", fields.IntField()),
                ("matched", fields.IntField()),
                ("awaited", fields.IntField()),
                ("their_paid_fen", fields.BigIntField()),
                ("their_refunded_fen", fields.BigIntField()),
                ("their_fee_fen", fields.BigIntField()),
                ("our_paid_fen", fields.BigIntField()),
                ("our_refunded_fen", fields.BigIntField()),
                ("hours", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("reconciled_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("duration_ms", fields.IntField()),
            ],
            options={
                "table": "payments_statement",
                "app": "payments",
                "unique_together": (("source", "booked_on"),),
                "pk_attr": "id",
                "table_description": "What a source's statement of a day came to; looking again replaces it.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_FUNCTIONS),
        ops.RunSQL(_GUARDS),
    ]
