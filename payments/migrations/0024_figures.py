"""A case is decided on figures: a correction keeps those that were seen, and its journal is posted in
the transaction of its decision. The first day that can be closed is that of the first posting.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_CORRECTIONS = """
UPDATE payments_correction k SET our_fen = c.our_fen, their_fen = c.their_fen
  FROM payments_case c WHERE c.id = k.case_id;

CREATE FUNCTION payments_check_figures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'case % is decided: its figures stay', NEW.id
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_case_figures';
END $$;
CREATE TRIGGER payments_case_figures BEFORE UPDATE ON payments_case FOR EACH ROW
  WHEN ((OLD.our_fen, OLD.their_fen) IS DISTINCT FROM (NEW.our_fen, NEW.their_fen)
        AND NEW.state NOT IN ('open', 'investigating'))
  EXECUTE FUNCTION payments_check_figures();

CREATE FUNCTION payments_check_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state <> 'proposed' THEN
    RAISE EXCEPTION 'correction % is decided', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_correction_final';
  END IF;
  IF NEW.state <> 'rejected' AND NOT EXISTS (
    SELECT FROM payments_case c WHERE c.id = NEW.case_id
       AND (c.our_fen, c.their_fen) IS NOT DISTINCT FROM (NEW.our_fen, NEW.their_fen)) THEN
    RAISE EXCEPTION 'case % has other figures than correction %', NEW.case_id, NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_correction_figures';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_correction_figures BEFORE INSERT OR UPDATE ON payments_correction
  FOR EACH ROW EXECUTE FUNCTION payments_check_correction();
"""

_JOURNALS = """
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
  IF NEW.kind = 'payout' AND NOT EXISTS (
    SELECT FROM payments_payout p
     WHERE p.payee = split_part(NEW.key, ':', 2) AND p.journal_id = NEW.id) THEN
    RAISE EXCEPTION 'journal % is of no payout', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_payout_journal';
  END IF;
  IF NEW.kind = 'bank' AND NOT EXISTS (
    SELECT FROM payments_bank_entry e
     WHERE e.id = split_part(NEW.key, ':', 2)::uuid AND e.journal_id = NEW.id) THEN
    RAISE EXCEPTION 'journal % is of no booking of the bank', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_bank_entry_journal';
  END IF;
  IF NEW.kind = 'correct' AND NOT EXISTS (
    SELECT FROM payments_correction k JOIN payments_case c ON c.id = k.case_id
     WHERE k.id = split_part(NEW.key, ':', 2)::uuid
       AND NEW.key IN ('correct:' || k.id, 'correct:' || k.id || ':undo')
       AND (k.state, k.decided_at) = ('approved', NEW.posted_at)
       AND k.xmin = pg_current_xact_id()::xid
       AND c.intent_id IS NOT DISTINCT FROM NEW.intent_id
       AND (NEW.key LIKE '%:undo' OR EXISTS (
         SELECT FROM payments_entry e JOIN payments_account a ON a.id = e.account_id
          WHERE e.journal_id = NEW.id AND a.code = CASE k.kind
                WHEN 'WRITE_OFF' THEN 'difference:' || c.source
                WHEN 'COST' THEN 'cost:' || c.source
                WHEN 'SUSPENSE' THEN 'suspense:' || c.source
                WHEN 'TAKE_BACK' THEN 'psp:' || c.source
                WHEN 'BANK_REFUND' THEN 'suspense:bank' END))) THEN
    RAISE EXCEPTION 'journal % is of no correction decided then', NEW.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_correction_journal';
  END IF;
  RETURN NULL;
END $$;
"""

_CLOSE = """
CREATE OR REPLACE FUNCTION payments_close_day(p_day date, p_at timestamptz, p_by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  opens_at timestamptz := (p_day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai';
BEGIN
  IF (p_at <= core_latest() AND p_at >= opens_at) IS NOT TRUE THEN
    RAISE EXCEPTION 'the day % is not over', p_day
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_closing_over';
  END IF;
  PERFORM FROM payments_chain ORDER BY chain FOR UPDATE;
  IF opens_at <= (SELECT max(c.open_from) FROM payments_chain c) THEN
    RAISE EXCEPTION 'the day % is closed', p_day
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'payments_closing_once';
  END IF;
  IF NOT EXISTS (SELECT FROM payments_closing)
     AND NOT EXISTS (SELECT FROM payments_journal j WHERE j.posted_at < opens_at) THEN
    RAISE EXCEPTION 'nothing is posted on the day % or before', p_day
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_closing_first';
  END IF;
  INSERT INTO payments_closing (closed_on, closed_at, closed_by) VALUES (p_day, p_at, p_by);
  UPDATE payments_chain SET open_from = opens_at;
END $$;
"""


class Migration(migrations.Migration):
    """Two columns, triggers, and two functions."""

    dependencies = [("payments", "0023_turns")]

    initial = False

    operations = [
        ops.AddField(model_name="Correction", name="our_fen", field=fields.BigIntField(null=True)),
        ops.AddField(
            model_name="Correction", name="their_fen", field=fields.BigIntField(null=True)
        ),
        *(ops.RunSQL(sql) for sql in (_CORRECTIONS, _JOURNALS, _CLOSE)),
    ]
