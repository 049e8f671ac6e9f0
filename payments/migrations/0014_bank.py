"""The bank account: payouts on their way, the bank's statements, and what each booking is for."""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_CASES = """
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind;
ALTER TABLE payments_case ADD CONSTRAINT payments_case_kind CHECK (kind IN (
  'missing_here', 'missing_there', 'amount', 'fee', 'date', 'duplicate', 'refund', 'coupon', 'line',
  'refund_refused', 'refund_overdue', 'second_capture', 'foreign_refund', 'other_amount',
  'other_currency', 'other_time', 'settlement', 'bank_entry', 'payout_refused',
  'payout_returned'));
"""

_GUARDS = """
ALTER TABLE payments_transfer
  ADD CONSTRAINT payments_transfer_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_transfer_payout FOREIGN KEY (id) REFERENCES payments_payout;
ALTER TABLE payments_bank_statement
  ADD CONSTRAINT payments_bank_statement_entries CHECK (entries >= 0);
ALTER TABLE payments_bank_entry
  ADD CONSTRAINT payments_bank_entry_amount CHECK (amount_fen <> 0),
  ADD CONSTRAINT payments_bank_entry_kind CHECK (
    kind IN ('settlement', 'transfer', 'return', 'charge', 'unexplained')),
  ADD CONSTRAINT payments_bank_entry_posted CHECK (
    (kind = 'unexplained') = (journal_id IS NULL)),
  ADD CONSTRAINT payments_bank_entry_statement
    FOREIGN KEY (statement_id) REFERENCES payments_bank_statement;
CREATE INDEX payments_bank_entry_target ON payments_bank_entry (kind, target);

-- A booking of the bank says of money what its journal says.
CREATE FUNCTION payments_check_bank_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.journal_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id
     WHERE j.id = NEW.journal_id AND j.key = 'bank:' || NEW.id
       AND a.code = 'bank:' || NEW.account
    HAVING sum(CASE e.side WHEN 'D' THEN e.amount_fen ELSE -e.amount_fen END) = NEW.amount_fen)
  THEN
    RAISE EXCEPTION 'the booking % of the bank does not agree with its journal', NEW.ref
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_bank_entry_journal';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_bank_entry_made AFTER INSERT ON payments_bank_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_bank_entry();
"""


class Migration(migrations.Migration):
    """Three tables and what they refuse."""

    dependencies = [("payments", "0013_closing")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BankEntry",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("statement_id", fields.UUIDField(db_index=True)),
                ("account", fields.CharField(max_length=16)),
                ("ref", fields.CharField(max_length=64)),
                ("booked_on", fields.DateField()),
                ("amount_fen", fields.BigIntField()),
                ("kind", fields.CharField(max_length=16)),
                ("target", fields.CharField(max_length=48)),
                ("through_on", fields.DateField(null=True)),
                ("text", fields.CharField(max_length=140)),
                ("journal_id", fields.UUIDField(null=True)),
            ],
            options={
                "table": "payments_bank_entry",
                "app": "payments",
                "unique_together": (("account", "ref", "amount_fen"),),
                "pk_attr": "id",
                "table_description": "One booking of the bank, and what it was taken for. Never changed.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BankStatement",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("account", fields.CharField(max_length=16)),
                ("statement_ref", fields.CharField(max_length=64)),
                ("booked_on", fields.DateField()),
                ("opening_fen", fields.BigIntField()),
                ("closing_fen", fields.BigIntField()),
                ("entries", fields.IntField()),
                ("taken_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_bank_statement",
                "app": "payments",
                "unique_together": (("account", "statement_ref"),),
                "pk_attr": "id",
                "table_description": "A statement of the bank that was taken; statements follow one another without a gap.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Transfer",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("payee", fields.CharField(max_length=32)),
                ("amount_fen", fields.BigIntField()),
                ("state", fields.CharField(max_length=16)),
                ("tries", fields.IntField(default=0)),
                ("order_ref", fields.CharField(null=True, max_length=35)),
                ("reason", fields.CharField(null=True, max_length=140)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ordered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_transfer",
                "app": "payments",
                "indexes": [Index(fields=["state", "id"])],
                "pk_attr": "id",
                "table_description": "A payout on its way to the payee's account; its id is the payout's.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_CASES),
        ops.RunSQL(_GUARDS),
    ]
