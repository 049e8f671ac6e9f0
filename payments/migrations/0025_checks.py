"""The checks of payments and journals ask for what a row can be of, and for nothing else.

PostgreSQL reads a trigger's condition anew with every statement, and starts every query of a
function that it comes by: most of what a payment's checks took was about other payments.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_PAYMENTS = """
-- Whether a payment that has had one order, and of which nothing goes back, says of money what its
-- journals say: `payments_agrees` of such a payment, as nearly all are.
CREATE FUNCTION payments_plain_agrees(i payments_intent) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT i.refunding_fen = 0 AND i.refunded_fen = 0
     AND m.received_fen = i.captured_fen AND m.owed_fen = i.captured_fen
     AND m.passed_fen = CASE WHEN i.fulfilment_ref IS NULL THEN 0 ELSE i.amount_fen END
     AND CASE WHEN i.state IN ('paid', 'fulfilment_unknown') THEN m.passed_fen = 0
              WHEN i.state = 'fulfilled' THEN m.passed_fen > 0
              WHEN i.state IN ('refunding', 'partly_refunded') THEN false
              ELSE i.captured_fen = 0 END
     AND NOT m.foreign_key
    FROM (
      SELECT coalesce(sum(e.amount_fen) FILTER (
               WHERE j.key = 'settle:' || i.id AND (e.side, a.code) = ('D', 'psp:' || i.psp)), 0)
               AS received_fen,
             coalesce(sum(e.amount_fen) FILTER (
               WHERE j.key = 'settle:' || i.id AND (e.side, a.code) = ('C', 'payer:' || i.payer_id)), 0)
               AS owed_fen,
             coalesce(sum(e.amount_fen) FILTER (
               WHERE j.key = 'fulfil:' || i.id AND (e.side, a.code) = (
                 'C', CASE WHEN i.merchant IS NULL THEN 'payee:' || i.payee ELSE 'psp:' || i.psp END)), 0)
               AS passed_fen,
             coalesce(bool_or(j.key NOT IN ('settle:' || i.id, 'fulfil:' || i.id)), false)
               AS foreign_key
        FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
        JOIN payments_account a ON a.id = e.account_id
       WHERE j.intent_id = i.id AND j.kind IN ('settle', 'fulfil', 'reverse', 'refund')) m
$$;

CREATE OR REPLACE FUNCTION payments_check_payment(p_intent uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  agrees boolean;
BEGIN
  IF EXISTS (SELECT FROM payments_refund r WHERE r.intent_id = p_intent)
    OR EXISTS (SELECT FROM payments_left_order l WHERE l.intent_id = p_intent) THEN
    SELECT payments_agrees(i) INTO agrees FROM payments_intent i WHERE i.id = p_intent;
  ELSE
    SELECT payments_plain_agrees(i) INTO agrees FROM payments_intent i WHERE i.id = p_intent;
  END IF;
  IF agrees IS NOT TRUE THEN
    RAISE EXCEPTION 'payment % does not agree with its journals', p_intent
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_journals';
  END IF;
END $$;

DROP TRIGGER payments_intent_moved ON payments_intent;
CREATE CONSTRAINT TRIGGER payments_intent_moved
  AFTER UPDATE OF state, captured_fen, refunding_fen, refunded_fen, fulfilment_ref
  ON payments_intent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((NEW.captured_fen, NEW.refunding_fen, NEW.refunded_fen, NEW.fulfilment_ref IS NULL)
          IS DISTINCT FROM
        (OLD.captured_fen, OLD.refunding_fen, OLD.refunded_fen, OLD.fulfilment_ref IS NULL)
        OR (NEW.captured_fen > 0 AND OLD.state <> NEW.state))
  EXECUTE FUNCTION payments_check_intent_row();
DROP TRIGGER payments_intent_accepted ON payments_intent;
CREATE TRIGGER payments_intent_accepted BEFORE UPDATE OF fulfilment_ref ON payments_intent
  FOR EACH ROW WHEN (OLD.fulfilment_ref IS NULL AND NEW.fulfilment_ref IS NOT NULL)
  EXECUTE FUNCTION payments_note_acceptance();
"""

_JOURNALS = """
CREATE OR REPLACE FUNCTION payments_check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments_entry WHERE journal_id = NEW.id) THEN
    RAISE EXCEPTION 'journal % has no entries', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  CASE NEW.kind
  WHEN 'settle', 'reverse', 'refund' THEN
    PERFORM payments_check_payment(NEW.intent_id);
  WHEN 'fulfil' THEN
    PERFORM payments_check_payment(NEW.intent_id);
    IF EXISTS (SELECT FROM payments_intent i WHERE i.id = NEW.intent_id AND i.share_bps > 0) THEN
      PERFORM payments_check_share(NEW.intent_id);
    END IF;
  WHEN 'share', 'share_return' THEN
    PERFORM payments_check_share(NEW.intent_id);
  WHEN 'payout' THEN
    IF NOT EXISTS (
      SELECT FROM payments_payout p
       WHERE p.payee = split_part(NEW.key, ':', 2) AND p.journal_id = NEW.id) THEN
      RAISE EXCEPTION 'journal % is of no payout', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_payout_journal';
    END IF;
  WHEN 'bank' THEN
    IF NOT EXISTS (
      SELECT FROM payments_bank_entry e
       WHERE e.id = split_part(NEW.key, ':', 2)::uuid AND e.journal_id = NEW.id) THEN
      RAISE EXCEPTION 'journal % is of no booking of the bank', NEW.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_bank_entry_journal';
    END IF;
  WHEN 'correct' THEN
    IF NOT EXISTS (
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
  ELSE
    NULL;  -- the other kinds are of nothing but themselves
  END CASE;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    """Functions and triggers."""

    dependencies = [("payments", "0024_figures")]

    initial = False

    operations = [ops.RunSQL(sql) for sql in (_PAYMENTS, _JOURNALS)]
