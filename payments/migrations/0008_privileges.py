"""The ledger is written by functions with their owner's rights; the application may only call them.

A posting is complete and balanced when its entries are written, in one statement; nothing is left
for COMMIT that an earlier check could spend. What a payment, a refund and a payout say of money is
compared with the journals at COMMIT. Each of these functions has a fixed search_path.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_ENTRIES = """
CREATE OR REPLACE FUNCTION payments_apply_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  line record;
  own bigint;
  misplaced boolean;
  unbalanced boolean;
BEGIN
  -- Journals and accounts are never deleted, so this check once is what foreign keys would be. With
  -- (journal_id, position) unique, a second set of entries has no place in a journal.
  SELECT bool_or(g.misplaced), bool_or(g.unbalanced) INTO misplaced, unbalanced FROM (
    SELECT bool_or(j.id IS NULL OR j.xmin <> pg_current_xact_id()::xid OR a.id IS NULL)
             AS misplaced,
           count(*) <> min(j.entry_count) OR min(n.position) <> 1
             OR max(n.position) <> min(j.entry_count)
             OR sum(CASE n.side WHEN 'D' THEN n.amount_fen ELSE -n.amount_fen END) <> 0
             AS unbalanced
      FROM added n LEFT JOIN payments_journal j ON j.id = n.journal_id
                   LEFT JOIN payments_account a ON a.id = n.account_id
     GROUP BY n.journal_id) g;
  IF misplaced THEN
    RAISE EXCEPTION 'entries belong to an account and to a journal of their own transaction'
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_entry_place';
  END IF;
  IF unbalanced THEN
    RAISE EXCEPTION 'the entries of a journal are not balanced, or not all of them'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  FOR line IN
    SELECT a.id, a.shards, CASE WHEN a.guarded THEN a.normal ELSE '' END AS guard,
           coalesce(sum(n.amount_fen) FILTER (WHERE n.side = 'D'), 0) AS debit,
           coalesce(sum(n.amount_fen) FILTER (WHERE n.side = 'C'), 0) AS credit
      FROM added n JOIN payments_account a ON a.id = n.account_id
     GROUP BY a.id ORDER BY a.id
  LOOP
    own := line.id * 64 + pg_backend_pid() % line.shards;
    IF line.shards > 1 AND line.guard = 'C' AND line.debit > 0 THEN
      PERFORM payments_draw(line.id, line.guard, own, line.debit::bigint);
      line.debit := 0;
    ELSIF line.shards > 1 AND line.guard = 'D' AND line.credit > 0 THEN
      PERFORM payments_draw(line.id, line.guard, own, line.credit::bigint);
      line.credit := 0;
    END IF;
    CONTINUE WHEN line.debit = 0 AND line.credit = 0;
    UPDATE payments_balance
       SET debit_fen = debit_fen + line.debit, credit_fen = credit_fen + line.credit
     WHERE id = own;
    CONTINUE WHEN FOUND;
    INSERT INTO payments_balance (id, account_id, guard, debit_fen, credit_fen, held_fen)
    VALUES (own, line.id, line.guard, line.debit, line.credit, 0)
    ON CONFLICT (id) DO UPDATE
       SET debit_fen = payments_balance.debit_fen + EXCLUDED.debit_fen,
           credit_fen = payments_balance.credit_fen + EXCLUDED.credit_fen;
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION payments_check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payments_entry WHERE journal_id = NEW.id) THEN
    RAISE EXCEPTION 'journal % has no entries', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  IF NEW.kind IN ('settle', 'fulfil', 'reverse', 'refund') THEN
    PERFORM payments_check_payment(NEW.intent_id);
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER payments_journal_balanced ON payments_journal;
DROP FUNCTION payments_check_balanced();
CREATE CONSTRAINT TRIGGER payments_journal_balanced AFTER INSERT ON payments_journal
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_journal();
"""

_PAYMENTS = """
-- Whether a payment, its refunds and the orders it left say of money what the journals say.
CREATE FUNCTION payments_agrees(i payments_intent) RETURNS boolean LANGUAGE sql STABLE AS $$
  WITH moved AS MATERIALIZED (
    SELECT j.key, e.side, a.code, e.amount_fen
      FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id
     WHERE j.intent_id = i.id AND j.kind IN ('settle', 'fulfil', 'reverse', 'refund')),
  settled AS MATERIALIZED (
    SELECT i.id AS id, i.psp AS psp, i.captured_fen AS captured_fen
    UNION ALL SELECT l.id, l.psp, l.captured_fen FROM payments_left_order l
               WHERE l.intent_id = i.id),
  passed AS MATERIALIZED (
    SELECT coalesce(sum(m.amount_fen), 0) AS fen FROM moved m
     WHERE m.key = 'fulfil:' || i.id AND m.side = 'C' AND m.code = 'payee:' || i.payee),
  back AS MATERIALIZED (
    SELECT r.id, r.psp, r.amount_fen, r.state = 'succeeded' AS done,
           (SELECT coalesce(sum(m.amount_fen), 0) FROM moved m WHERE m.key = 'refund:' || r.id
               AND m.side = 'D' AND m.code = 'payer:' || i.payer_id) AS posted_fen,
           (SELECT coalesce(sum(m.amount_fen), 0) FROM moved m WHERE m.key = 'reverse:' || r.id
               AND m.side = 'C' AND m.code = 'payer:' || i.payer_id) AS reversed_fen,
           coalesce(h.amount_fen = r.amount_fen AND h.posted_fen =
             CASE r.state WHEN 'succeeded' THEN r.amount_fen ELSE 0 END, false) AS held
      FROM payments_refund r LEFT JOIN payments_hold h ON h.id = r.hold_id
     WHERE r.intent_id = i.id),
  total AS MATERIALIZED (
    SELECT coalesce(sum(amount_fen) FILTER (WHERE done), 0) AS done_fen,
           coalesce(sum(amount_fen) FILTER (WHERE NOT done), 0) AS open_fen
      FROM back WHERE psp = i.psp)
  SELECT total.done_fen = i.refunded_fen AND total.open_fen = i.refunding_fen
     AND passed.fen = CASE WHEN i.fulfilment_ref IS NULL THEN 0 ELSE i.amount_fen END
     AND CASE i.state
       WHEN 'paid' THEN passed.fen = 0 AND i.refunded_fen + i.refunding_fen = 0
       WHEN 'fulfilment_unknown' THEN passed.fen = 0 AND i.refunded_fen + i.refunding_fen = 0
       WHEN 'fulfilled' THEN passed.fen > 0 AND i.refunded_fen + i.refunding_fen = 0
       WHEN 'refunding' THEN i.refunding_fen > 0
       WHEN 'partly_refunded' THEN i.refunded_fen BETWEEN 1 AND i.captured_fen - 1
       WHEN 'refunded' THEN i.refunded_fen = i.captured_fen
       ELSE i.captured_fen = 0 END
     AND NOT EXISTS (
       SELECT FROM back WHERE NOT held OR posted_fen <> CASE WHEN done THEN amount_fen ELSE 0 END
          OR reversed_fen <> CASE WHEN psp = i.psp THEN least(amount_fen, passed.fen) ELSE 0 END)
     AND NOT EXISTS (
       SELECT FROM settled s, LATERAL (VALUES ('D', 'psp:' || s.psp), ('C', 'payer:' || i.payer_id)) leg
        WHERE s.captured_fen <> (SELECT coalesce(sum(m.amount_fen), 0) FROM moved m
          WHERE m.key = 'settle:' || s.id AND m.side = leg.column1 AND m.code = leg.column2))
     AND NOT EXISTS (
       SELECT FROM back GROUP BY psp HAVING sum(amount_fen) > (
         SELECT coalesce(sum(s.captured_fen), 0) FROM settled s WHERE s.psp = back.psp))
     AND NOT EXISTS (
       SELECT m.key FROM moved m EXCEPT (
         SELECT 'settle:' || s.id FROM settled s UNION ALL SELECT 'fulfil:' || i.id
         UNION ALL SELECT part || b.id FROM back b, unnest(ARRAY['reverse:', 'refund:']) part))
    FROM total, passed
$$;

CREATE FUNCTION payments_check_payment(p_intent uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT coalesce((SELECT payments_agrees(i) FROM payments_intent i WHERE i.id = p_intent), false)
  THEN
    RAISE EXCEPTION 'payment % does not agree with its journals', p_intent
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_journals';
  END IF;
END $$;

CREATE FUNCTION payments_check_intent_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM payments_check_payment(NEW.id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_intent_made AFTER INSERT ON payments_intent
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.captured_fen <> 0 OR NEW.fulfilment_ref IS NOT NULL)
  EXECUTE FUNCTION payments_check_intent_row();
CREATE CONSTRAINT TRIGGER payments_intent_moved AFTER UPDATE ON payments_intent
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((NEW.captured_fen, NEW.refunding_fen, NEW.refunded_fen, NEW.fulfilment_ref IS NULL)
          IS DISTINCT FROM
        (OLD.captured_fen, OLD.refunding_fen, OLD.refunded_fen, OLD.fulfilment_ref IS NULL)
        OR (NEW.captured_fen > 0 AND OLD.state <> NEW.state))
  EXECUTE FUNCTION payments_check_intent_row();
ALTER TABLE payments_intent ADD CONSTRAINT payments_intent_state CHECK ((captured_fen = 0) =
  (state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing', 'expired', 'rejected')));

CREATE FUNCTION payments_check_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM payments_check_payment(NEW.intent_id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_refund_made AFTER INSERT ON payments_refund
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_part();
CREATE CONSTRAINT TRIGGER payments_refund_moved AFTER UPDATE ON payments_refund
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.state = 'succeeded') <> (NEW.state = 'succeeded'))
  EXECUTE FUNCTION payments_check_part();
CREATE CONSTRAINT TRIGGER payments_left_order_made AFTER INSERT ON payments_left_order
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.captured_fen <> 0)
  EXECUTE FUNCTION payments_check_part();
CREATE CONSTRAINT TRIGGER payments_left_order_moved AFTER UPDATE ON payments_left_order
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.captured_fen <> NEW.captured_fen)
  EXECUTE FUNCTION payments_check_part();
"""

_PAYOUTS = """
CREATE FUNCTION payments_check_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id
     WHERE j.key = 'payout:' || NEW.payee || ':' || NEW.settled_on
    HAVING coalesce(sum(e.amount_fen) FILTER (WHERE a.code = 'payee:' || NEW.payee), 0)
             = NEW.fulfilled_fen - NEW.reversed_fen
       AND coalesce(sum(e.amount_fen) FILTER (WHERE a.code = 'claim:' || NEW.payee), 0)
             = NEW.claimed_fen
       AND coalesce(sum(e.amount_fen) FILTER (WHERE a.code = 'fees:' || NEW.payee), 0)
             = NEW.fee_fen
       AND coalesce(sum(e.amount_fen) FILTER (WHERE a.code = 'settled:' || NEW.payee), 0)
             = NEW.amount_fen
       AND min(j.id::text) IS NOT DISTINCT FROM NEW.journal_id::text) THEN
    RAISE EXCEPTION 'the payout to % for % does not agree with its journal',
      NEW.payee, NEW.settled_on
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_payout_journal';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_payout_made AFTER INSERT ON payments_payout
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_payout();
"""

_VOUCHERS = """
-- What a journal seals of the row that it is posted for: all columns but those that still change.
CREATE FUNCTION payments_voucher(p_kind text, p_key text, p_intent uuid) RETURNS jsonb
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
  ELSE
    RETURN NULL;
  END CASE;
  RETURN voucher;
END $$;
"""

_POST = """
DROP FUNCTION payments_post(uuid, text, text, uuid, timestamptz, text[], text[], boolean[],
                            smallint[], text[], bigint[]);
CREATE FUNCTION payments_post(
  p_id uuid, p_kind text, p_key text, p_intent uuid, p_at timestamptz,
  p_codes text[], p_sides text[], p_amounts bigint[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  place payments_chain;
  legs text := '';
  ids bigint[];
  sealed jsonb;
BEGIN
  IF cardinality(p_codes) IS DISTINCT FROM cardinality(p_sides)
    OR cardinality(p_codes) IS DISTINCT FROM cardinality(p_amounts) THEN
    RAISE EXCEPTION 'each entry has an account, a side and an amount'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  FOR n IN 1 .. cardinality(p_codes) LOOP
    legs := legs || ',' || p_codes[n] || ' ' || p_sides[n] || ' ' || p_amounts[n];
  END LOOP;
  IF p_intent IS NOT NULL THEN
    sealed := payments_voucher(p_kind, p_key, p_intent);
  END IF;
  -- a connection keeps to its own chain: no two wait for one another but by coincidence
  UPDATE payments_chain
     SET seq = seq + 1,
         hash = sha256(hash || convert_to(concat_ws('|',
           chain, seq + 1, p_id, p_kind, p_key, coalesce(p_intent::text, '-'),
           (extract(epoch FROM p_at) * 1000000)::bigint, substr(legs, 2), sealed::text), 'UTF8'))
   WHERE chain = pg_backend_pid() % 64 RETURNING * INTO place;
  INSERT INTO payments_journal
    (id, kind, key, intent_id, posted_at, entry_count, chain, seq, hash, voucher)
  VALUES (p_id, p_kind, p_key, p_intent, p_at, cardinality(p_codes),
          place.chain, place.seq, place.hash, sealed);
  ids := payments_account_ids(p_codes);
  IF array_position(ids, NULL) IS NOT NULL THEN
    INSERT INTO payments_account (code)
    SELECT DISTINCT p_codes[n] FROM generate_subscripts(p_codes, 1) n
     WHERE ids[n] IS NULL ORDER BY 1
    ON CONFLICT (code) DO NOTHING;
    ids := payments_account_ids(p_codes);
  END IF;
  INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
  SELECT p_id, n, ids[n], p_sides[n], p_amounts[n] FROM generate_subscripts(p_codes, 1) n;
END $$;
"""

_HOLDS = """
CREATE FUNCTION payments_set_aside(
  p_id uuid, p_key text, p_code text, p_amount bigint, p_at timestamptz, p_expires timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO payments_hold
    (id, key, account_id, amount_fen, posted_fen, state, created_at, expires_at)
  VALUES (p_id, p_key, (SELECT a.id FROM payments_account a WHERE a.code = p_code), p_amount, 0,
          'pending', p_at, p_expires)
$$;

CREATE FUNCTION payments_end_hold(
  p_id uuid, p_state text, p_posted bigint, p_expired_by timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE payments_hold SET state = p_state, posted_fen = p_posted
   WHERE id = p_id AND state = 'pending' AND (p_expired_by IS NULL OR expires_at <= p_expired_by);
  RETURN FOUND;
END $$;
"""

_COMPARISON = """
-- The application may make no temporary tables: one of these with a trigger could write a balance.
CREATE FUNCTION payments_begin_comparison() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  CREATE TEMP TABLE told (
    is_refund boolean, ref text, order_ref text, their_ref text,
    amount_fen bigint, fee_fen bigint, at timestamptz, settled_fen bigint, wrong text, seq bigint
  ) ON COMMIT DROP;
  CREATE TEMP TABLE booking (
    is_refund boolean, ref text, intent_id uuid, payee text, amount_fen bigint,
    first_at timestamptz, last_at timestamptz, first_on date, last_on date,
    due boolean, deemed boolean
  ) ON COMMIT DROP;
  CREATE TEMP TABLE found (
    booked_on date, kind text, is_refund boolean, ref text, order_ref text, their_ref text,
    intent_id uuid, payee text, our_fen bigint, their_fen bigint,
    our_at timestamptz, their_at timestamptz, crossing boolean DEFAULT false,
    note text DEFAULT ''
  ) ON COMMIT DROP;
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON told, booking, found TO %I',
                 session_user);
END $$;

CREATE FUNCTION payments_analyze_comparison() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  ANALYZE pg_temp.told, pg_temp.booking;
END $$;
"""


class Migration(migrations.Migration):
    """Functions and triggers; what the role may do is granted after every migration."""

    dependencies = [("payments", "0007_chart")]

    operations = [
        ops.RunSQL(sql)
        for sql in (_PAYMENTS, _ENTRIES, _PAYOUTS, _VOUCHERS, _POST, _HOLDS, _COMPARISON)
    ]
