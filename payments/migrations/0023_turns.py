"""What a payee accepted since it was asked is told by turns: the clocks of two processes differ."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_ACCEPTED = """
CREATE FUNCTION payments_note_acceptance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.accepted_turn := nextval('core_turn');
  RETURN NEW;
END $$;
CREATE TRIGGER payments_intent_accepted BEFORE UPDATE ON payments_intent FOR EACH ROW
  WHEN (OLD.fulfilment_ref IS NULL AND NEW.fulfilment_ref IS NOT NULL)
  EXECUTE FUNCTION payments_note_acceptance();
"""

_PARTS = """
CREATE OR REPLACE FUNCTION payments_check_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  taken_fen bigint;
BEGIN
  -- two that begin at once see one another: the second waits here, and its query is a later one
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.kind || ' ' || NEW.subject_ref, 20));
  -- of a program that knows no turns, all that was accepted since there are any is held back
  SELECT coalesce(sum(i.amount_fen), 0) INTO taken_fen FROM payments_intent i
   WHERE i.kind = NEW.kind AND i.subject_ref = NEW.subject_ref
     AND (NEW.owed_fen IS NOT NULL OR i.owed_fen IS NOT NULL)
     AND (i.state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing',
                      'paid', 'fulfilment_unknown')
          OR (NEW.owed_fen IS NOT NULL AND i.accepted_turn > coalesce(NEW.owed_turn, 0)));
  IF taken_fen + NEW.amount_fen > coalesce(NEW.owed_fen, NEW.amount_fen) THEN
    RAISE EXCEPTION 'of % fen owed for % % are % under way: % more are too much',
      NEW.owed_fen, NEW.kind, NEW.subject_ref, taken_fen, NEW.amount_fen
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_parts';
  END IF;
  RETURN NEW;
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
                           refunded_fen,fulfilment_ref,accepted_turn,receipt_no,receipt_issued_at,
                           refusal,checks,attempts,ended_at,due_at}'::text[]
      INTO voucher FROM payments_intent i WHERE i.id = p_intent AND p_key = 'settle:' || p_intent;
    IF voucher IS NULL THEN
      SELECT to_jsonb(l) - '{checks,due_at}'::text[] INTO voucher
        FROM payments_left_order l WHERE l.intent_id = p_intent AND p_key = 'settle:' || l.id;
    END IF;
  WHEN 'fulfil' THEN
    SELECT jsonb_build_object('fulfilment_ref', i.fulfilment_ref, 'accepted_turn', i.accepted_turn)
      INTO voucher FROM payments_intent i WHERE i.id = p_intent;
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
    """Two columns, and who writes them."""

    dependencies = [("payments", "0022_bounds"), ("core", "0005_turns")]

    initial = False

    operations = [
        ops.AddField(model_name="Intent", name="owed_turn", field=fields.BigIntField(null=True)),
        ops.AddField(
            model_name="Intent", name="accepted_turn", field=fields.BigIntField(null=True)
        ),
        ops.RunSQL(_ACCEPTED),
        ops.RunSQL(_PARTS),
        ops.RunSQL(_VOUCHERS),
    ]
