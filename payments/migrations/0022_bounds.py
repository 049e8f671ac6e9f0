"""What the functions that run with their owner's rights take is bounded by the database itself.

No moment that has not come is taken for now, whatever the caller says (`core_latest`, which
`quancheng migrate` makes); a journal is of the kind that its key names, and of a payout or a booking
where it says so; and a refund's hold is the payer's, and stands as the refund does.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_JOURNALS = """
ALTER TABLE payments_journal
  ADD CONSTRAINT payments_journal_kind CHECK (split_part(key, ':', 1) = kind);

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
  RETURN NULL;
END $$;
"""

_POST = """
CREATE OR REPLACE FUNCTION payments_post(
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
  IF p_at > core_latest() THEN
    RAISE EXCEPTION 'the moment % has not come', p_at
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_moment';
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
   WHERE chain = pg_backend_pid() % 64 AND p_at >= open_from RETURNING * INTO place;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the day of % is closed', p_at
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_closing_lock';
  END IF;
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

_PAYMENTS = """
CREATE OR REPLACE FUNCTION payments_agrees(i payments_intent) RETURNS boolean
LANGUAGE sql STABLE AS $$
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
     WHERE m.key = 'fulfil:' || i.id AND m.side = 'C' AND m.code =
           CASE WHEN i.merchant IS NULL THEN 'payee:' || i.payee ELSE 'psp:' || i.psp END),
  back AS MATERIALIZED (
    SELECT r.id, r.psp, r.amount_fen, r.state = 'succeeded' AS done,
           (SELECT coalesce(sum(m.amount_fen), 0) FROM moved m WHERE m.key = 'refund:' || r.id
               AND m.side = 'D' AND m.code = 'payer:' || i.payer_id) AS posted_fen,
           (SELECT coalesce(sum(m.amount_fen), 0) FROM moved m WHERE m.key = 'reverse:' || r.id
               AND m.side = 'C' AND m.code = 'payer:' || i.payer_id) AS reversed_fen,
           coalesce((h.key, h.amount_fen, a.code)
             = ('refund:' || r.id, r.amount_fen, 'payer:' || i.payer_id)
             AND (h.state, h.posted_fen) = (
               CASE r.state WHEN 'succeeded' THEN 'posted' ELSE 'pending' END,
               CASE r.state WHEN 'succeeded' THEN r.amount_fen ELSE 0 END), false) AS held
      FROM payments_refund r LEFT JOIN payments_hold h ON h.id = r.hold_id
      LEFT JOIN payments_account a ON a.id = h.account_id
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
       SELECT FROM moved m
        WHERE CASE WHEN m.side = 'D' AND m.key LIKE 'reverse:%'
                   THEN (m.code = 'psp:' || i.psp) <> (i.merchant IS NOT NULL)
                   WHEN m.side = 'C' AND m.key LIKE 'refund:%'
                   THEN i.merchant IS NOT NULL AND m.code <> 'psp:' || i.psp END)
     AND NOT EXISTS (
       SELECT m.key FROM moved m EXCEPT (
         SELECT 'settle:' || s.id FROM settled s UNION ALL SELECT 'fulfil:' || i.id
         UNION ALL SELECT part || b.id FROM back b, unnest(ARRAY['reverse:', 'refund:']) part))
    FROM total, passed
$$;
"""

_HOLDS = """
CREATE FUNCTION payments_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM payments_check_payment((
    SELECT r.intent_id FROM payments_refund r
     WHERE r.id = split_part(NEW.key, ':', 2)::uuid AND r.hold_id = NEW.id));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_hold_refund AFTER INSERT OR UPDATE ON payments_hold
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.key LIKE 'refund:%')
  EXECUTE FUNCTION payments_check_hold();

-- A sharded account is drawn from row by row, which would not see what one of them holds.
CREATE OR REPLACE FUNCTION payments_set_aside(
  p_id uuid, p_key text, p_code text, p_amount bigint, p_at timestamptz, p_expires timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO payments_hold
    (id, key, account_id, amount_fen, posted_fen, state, created_at, expires_at)
  VALUES (p_id, p_key,
          (SELECT a.id FROM payments_account a WHERE a.code = p_code AND a.shards = 1), p_amount, 0,
          'pending', p_at, p_expires)
$$;

CREATE OR REPLACE FUNCTION payments_end_hold(
  p_id uuid, p_state text, p_posted bigint, p_expired_by timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (p_state = 'expired') <> (p_expired_by IS NOT NULL) OR p_expired_by > core_latest() THEN
    RAISE EXCEPTION 'a hold expires by a moment that has come, and by nothing else'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_hold_moment';
  END IF;
  UPDATE payments_hold SET state = p_state, posted_fen = p_posted
   WHERE id = p_id AND state = 'pending' AND (p_expired_by IS NULL OR expires_at <= p_expired_by);
  RETURN FOUND;
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
  INSERT INTO payments_closing (closed_on, closed_at, closed_by) VALUES (p_day, p_at, p_by);
  UPDATE payments_chain SET open_from = opens_at;
END $$;

CREATE OR REPLACE FUNCTION payments_carry_forward(p_day date, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (p_at <= core_latest()) IS NOT TRUE THEN
    RAISE EXCEPTION 'the moment % has not come', p_at
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_closing_moment';
  END IF;
  PERFORM FROM payments_closing c
    WHERE c.closed_on = p_day AND c.carried_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO payments_closing_balance (closed_on, code, debit_fen, credit_fen)
  SELECT p_day, t.code, t.debit_fen, t.credit_fen FROM payments_totals(p_day) t ORDER BY 2;
  UPDATE payments_closing SET carried_at = p_at WHERE closed_on = p_day;
  RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    """Functions, and what holds of journals and holds; a booking of the bank is known by its id."""

    dependencies = [("payments", "0021_shares")]

    initial = False

    operations = [
        ops.RemoveConstraint(
            model_name="BankEntry", name=None, fields=["account", "ref", "amount_fen"]
        ),
        *(ops.RunSQL(sql) for sql in (_JOURNALS, _POST, _PAYMENTS, _HOLDS, _CLOSE)),
    ]
