"""The city's shares of what payees' own merchants take, and what of them goes back.

A share and a return say of money what their journals say, as payments and refunds do; and a payment
of which the city has a share has a share once its payee has accepted it.
"""

from uuid import uuid4

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_DEFAULTS = """
ALTER TABLE payments_intent ALTER COLUMN share_bps SET DEFAULT 0;
ALTER TABLE payments_refund ALTER COLUMN share_fen SET DEFAULT 0;
"""

_CONSTRAINTS = """
ALTER TABLE payments_intent
  ADD CONSTRAINT payments_intent_share CHECK (
    share_bps BETWEEN 0 AND 10000 AND (share_bps = 0 OR merchant IS NOT NULL));
ALTER TABLE payments_refund
  ADD CONSTRAINT payments_refund_share CHECK (share_fen BETWEEN 0 AND amount_fen);
ALTER TABLE payments_share
  ADD CONSTRAINT payments_share_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_share_ended CHECK ((state = 'succeeded') = (ended_at IS NOT NULL)),
  ADD CONSTRAINT payments_share_intent FOREIGN KEY (id) REFERENCES payments_intent;
ALTER TABLE payments_share_return
  ADD CONSTRAINT payments_share_return_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_share_return_ended CHECK (
    (state = 'succeeded') = (ended_at IS NOT NULL)),
  ADD CONSTRAINT payments_share_return_share FOREIGN KEY (share_id) REFERENCES payments_share,
  ADD CONSTRAINT payments_share_return_refund FOREIGN KEY (refund_id) REFERENCES payments_refund;
CREATE UNIQUE INDEX payments_share_return_live ON payments_share_return (refund_id)
  WHERE state <> 'failed';
CREATE INDEX payments_share_due ON payments_share (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_share_return_due ON payments_share_return (due_at)
  WHERE due_at IS NOT NULL;
CREATE INDEX payments_share_ended ON payments_share USING brin (ended_at)
  WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX payments_share_return_ended ON payments_share_return USING brin (ended_at)
  WITH (autosummarize = on, pages_per_range = 32);
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind;
ALTER TABLE payments_case ADD CONSTRAINT payments_case_kind CHECK (kind IN (
  'missing_here', 'missing_there', 'amount', 'fee', 'date', 'duplicate', 'refund', 'coupon', 'line',
  'refund_refused', 'refund_overdue', 'second_capture', 'foreign_refund', 'other_amount',
  'other_currency', 'other_time', 'settlement', 'bank_entry', 'payout_refused',
  'payout_returned', 'claim_overdue', 'share_refused', 'share_closed', 'share_overdue',
  'return_refused'));
"""

_AGREEMENT = """
-- Whether a payment's share and its returns are what is due, and say what the journals say.
CREATE FUNCTION payments_share_agrees(i payments_intent) RETURNS boolean
LANGUAGE sql STABLE AS $$
  WITH share AS MATERIALIZED (SELECT * FROM payments_share s WHERE s.id = i.id),
  back AS MATERIALIZED (
    SELECT r.*, f.intent_id, f.share_fen FROM payments_share_return r
      JOIN payments_refund f ON f.id = r.refund_id WHERE r.share_id = i.id),
  moved AS MATERIALIZED (
    SELECT j.key, e.side::text, a.code, e.amount_fen
      FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id
     WHERE j.intent_id = i.id AND j.kind IN ('share', 'share_return')),
  due AS MATERIALIZED (
    SELECT 'share:' || s.id AS key, leg.side, leg.code, s.amount_fen
      FROM share s, LATERAL (VALUES ('D', 'psp:' || s.psp), ('C', 'fees:' || i.payee))
           AS leg (side, code)
     WHERE s.state = 'succeeded'
    UNION ALL
    SELECT 'share_return:' || b.id, leg.side, leg.code, b.amount_fen
      FROM back b, share s,
           LATERAL (VALUES ('D', 'fees:' || i.payee), ('C', 'psp:' || s.psp)) AS leg (side, code)
     WHERE b.state = 'succeeded')
  SELECT EXISTS (SELECT FROM share) = (i.share_bps > 0 AND i.fulfilment_ref IS NOT NULL)
     AND NOT EXISTS (
       SELECT FROM share s WHERE s.amount_fen <> i.amount_fen * i.share_bps / 10000)
     AND NOT EXISTS (
       SELECT FROM back b, share s
        WHERE (b.intent_id, b.share_fen) <> (i.id, b.amount_fen) OR s.state <> 'succeeded')
     AND coalesce((SELECT sum(b.amount_fen) FROM back b WHERE b.state NOT IN ('failed', 'waived')), 0)
         <= coalesce((SELECT s.amount_fen FROM share s), 0)
     AND NOT EXISTS (SELECT * FROM due EXCEPT SELECT * FROM moved)
     AND NOT EXISTS (SELECT * FROM moved EXCEPT SELECT * FROM due)
$$;

CREATE FUNCTION payments_check_share(p_intent uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT coalesce(
    (SELECT payments_share_agrees(i) FROM payments_intent i WHERE i.id = p_intent), false)
  THEN
    RAISE EXCEPTION 'the share of payment % does not agree with it or its journals', p_intent
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_share_journals';
  END IF;
END $$;

CREATE FUNCTION payments_check_share_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM payments_check_share(NEW.id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_share_made AFTER INSERT ON payments_share
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_share_row();
CREATE CONSTRAINT TRIGGER payments_share_moved AFTER UPDATE ON payments_share
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.state = 'succeeded') <> (NEW.state = 'succeeded'))
  EXECUTE FUNCTION payments_check_share_row();

CREATE FUNCTION payments_check_share_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM payments_check_share(NEW.share_id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_share_return_made AFTER INSERT ON payments_share_return
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_share_part();
CREATE CONSTRAINT TRIGGER payments_share_return_moved AFTER UPDATE ON payments_share_return
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.state = 'succeeded') <> (NEW.state = 'succeeded'))
  EXECUTE FUNCTION payments_check_share_part();

CREATE OR REPLACE FUNCTION payments_check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments_entry WHERE journal_id = NEW.id) THEN
    RAISE EXCEPTION 'journal % has no entries', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  IF NEW.kind IN ('settle', 'fulfil', 'reverse', 'refund') THEN
    PERFORM payments_check_payment(NEW.intent_id);
  END IF;
  IF NEW.kind IN ('share', 'share_return') OR (NEW.kind = 'fulfil' AND EXISTS (
    SELECT FROM payments_intent i WHERE i.id = NEW.intent_id AND i.share_bps > 0)) THEN
    PERFORM payments_check_share(NEW.intent_id);
  END IF;
  RETURN NULL;
END $$;
"""

_VOUCHERS = """
-- What a journal seals of the row that it is posted for: all columns but those that still change.
CREATE OR REPLACE FUNCTION payments_voucher(p_kind text, p_key text, p_intent uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
  voucher jsonb;
BEGIN
  CASE p_kind
  WHEN 'settle' THEN
    SELECT to_jsonb(i) - '{state,next_psp,order_tries,cashier_url,client_address,refunding_fen,
                           refunded_fen,fulfilment_ref,receipt_no,receipt_issued_at,refusal,checks,
                           attempts,ended_at,due_at}'::text[]
      INTO voucher FROM payments_intent i WHERE i.id = p_intent AND p_key = 'settle:' || p_intent;
    IF voucher IS NULL THEN
      SELECT to_jsonb(l) - '{checks,due_at}'::text[] INTO voucher
        FROM payments_left_order l WHERE l.intent_id = p_intent AND p_key = 'settle:' || l.id;
    END IF;
  WHEN 'fulfil' THEN
    SELECT jsonb_build_object('fulfilment_ref', i.fulfilment_ref) INTO voucher
      FROM payments_intent i WHERE i.id = p_intent;
  WHEN 'refund' THEN
    SELECT to_jsonb(r) - '{state,attempts,ended_at,due_at}'::text[] INTO voucher
      FROM payments_refund r WHERE r.intent_id = p_intent AND p_key = 'refund:' || r.id;
  WHEN 'share' THEN
    SELECT to_jsonb(s) - '{state,reason,attempts,due_at}'::text[] INTO voucher
      FROM payments_share s WHERE s.id = p_intent AND p_key = 'share:' || s.id;
  WHEN 'share_return' THEN
    SELECT to_jsonb(r) - '{state,reason,attempts,due_at}'::text[] INTO voucher
      FROM payments_share_return r WHERE r.share_id = p_intent AND p_key = 'share_return:' || r.id;
  ELSE
    RETURN NULL;
  END CASE;
  RETURN voucher;
END $$;
"""


class Migration(migrations.Migration):
    """Two tables, two columns, and what they refuse."""

    dependencies = [("payments", "0020_parts")]

    initial = False

    operations = [
        ops.AddField(model_name="Intent", name="share_bps", field=fields.IntField(null=True)),
        ops.RunSQL("UPDATE payments_intent SET share_bps = 0"),
        ops.AlterField(model_name="Intent", name="share_bps", field=fields.IntField(default=0)),
        ops.AddField(model_name="Refund", name="share_fen", field=fields.BigIntField(null=True)),
        ops.RunSQL("UPDATE payments_refund SET share_fen = 0"),
        ops.AlterField(model_name="Refund", name="share_fen", field=fields.BigIntField(default=0)),
        ops.CreateModel(
            name="Share",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("psp", fields.CharField(max_length=16)),
                ("receiver", fields.CharField(max_length=32)),
                ("amount_fen", fields.BigIntField()),
                ("state", fields.CharField(max_length=16)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("reason", fields.CharField(default="", max_length=64)),
                ("attempts", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_share",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "The city's share of a payment; its id is the payment's, and its number at the PSP.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ShareReturn",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("share_id", fields.UUIDField(db_index=True)),
                ("refund_id", fields.UUIDField()),
                ("amount_fen", fields.BigIntField()),
                ("state", fields.CharField(max_length=16)),
                ("psp_ref", fields.CharField(null=True, max_length=64)),
                ("reason", fields.CharField(default="", max_length=64)),
                ("attempts", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_share_return",
                "app": "payments",
                "pk_attr": "id",
                "table_description": "What of a share goes back before a refund; its id is its number at the PSP.",
            },
            bases=["Model"],
        ),
        *(ops.RunSQL(sql) for sql in (_DEFAULTS, _CONSTRAINTS, _AGREEMENT, _VOUCHERS)),
    ]
