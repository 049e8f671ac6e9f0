"""One live order per payment: what the database refuses of changes of an intent's PSP.

The order at `payments_intent.psp` is the live one; every other is a row of payments_left_order with
the evidence that it takes no money. An intent's PSP changes only by the step from `leaving` to
`created`, only to the PSP announced, and only with that row.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CONSTRAINTS = """
ALTER TABLE payments_left_order
  ADD CONSTRAINT payments_left_order_evidence CHECK (evidence IN ('unsent', 'missing', 'closed')),
  ADD CONSTRAINT payments_left_order_captured CHECK (
    captured_fen >= 0 AND (captured_fen > 0) = (psp_ref IS NOT NULL AND paid_at IS NOT NULL)),
  ADD CONSTRAINT payments_left_order_intent FOREIGN KEY (intent_id) REFERENCES payments_intent;
CREATE UNIQUE INDEX payments_left_order_psp_ref ON payments_left_order (psp, psp_ref)
  WHERE psp_ref IS NOT NULL;
CREATE INDEX payments_left_order_due ON payments_left_order (due_at) WHERE due_at IS NOT NULL;
ALTER TABLE payments_intent
  ADD CONSTRAINT payments_intent_next_psp CHECK ((state = 'leaving') = (next_psp IS NOT NULL)),
  ADD CONSTRAINT payments_intent_next_other CHECK (next_psp <> psp);
DROP INDEX payments_intent_live;
CREATE UNIQUE INDEX payments_intent_live ON payments_intent (kind, subject_ref)
  WHERE state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing',
                  'paid', 'fulfilment_unknown', 'fulfilled');
"""

_MOVE = """
CREATE FUNCTION payments_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'leaving' OR NEW.state <> 'created' OR OLD.captured_fen <> 0
    OR NEW.psp IS DISTINCT FROM OLD.next_psp OR NEW.cashier_url IS NOT NULL
    OR EXISTS (SELECT FROM payments_left_order l WHERE l.intent_id = NEW.id AND l.psp = NEW.psp)
    OR NOT EXISTS (
      SELECT FROM payments_left_order l WHERE l.intent_id = NEW.id AND l.psp = OLD.psp
         AND (l.evidence = 'closed' OR OLD.cashier_url IS NULL)) THEN
    RAISE EXCEPTION 'intent % may not go from % to %', NEW.id, OLD.psp, NEW.psp
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_move';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_intent_move BEFORE UPDATE OF psp ON payments_intent
  FOR EACH ROW WHEN (OLD.psp IS DISTINCT FROM NEW.psp) EXECUTE FUNCTION payments_check_move();
"""

_LEFT = """
CREATE FUNCTION payments_check_left() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.evidence = 'closed' OR OLD.captured_fen > 0 THEN
      RAISE EXCEPTION 'the order of % at % was left for good', OLD.intent_id, OLD.psp
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_left_order_kept';
    END IF;
    RETURN OLD;
  END IF;
  IF (NEW.intent_id, NEW.psp, NEW.evidence, NEW.left_at)
      IS DISTINCT FROM (OLD.intent_id, OLD.psp, OLD.evidence, OLD.left_at)
    OR (OLD.captured_fen > 0 AND (NEW.captured_fen, NEW.psp_ref)
      IS DISTINCT FROM (OLD.captured_fen, OLD.psp_ref)) THEN
    RAISE EXCEPTION 'what is known of the order of % at % stands', OLD.intent_id, OLD.psp
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_left_order_kept';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_left_order_kept BEFORE UPDATE OR DELETE ON payments_left_order
  FOR EACH ROW EXECUTE FUNCTION payments_check_left();

CREATE FUNCTION payments_check_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM payments_intent i WHERE i.id = NEW.intent_id AND i.psp = NEW.psp) THEN
    RAISE EXCEPTION 'the order of % at % is live', NEW.intent_id, NEW.psp
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_left_order_live';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_left_order_live AFTER INSERT ON payments_left_order
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_live();
"""


class Migration(migrations.Migration):
    """Constraints and triggers."""

    dependencies = [("payments", "0003_psps")]

    operations = [ops.RunSQL(sql) for sql in (_CONSTRAINTS, _MOVE, _LEFT)]
