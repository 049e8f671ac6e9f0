"""What the database refuses by itself, and the one statement that posts.

Entries move the totals, never the other way round: totals cannot be written directly. A journal
transaction is checked at COMMIT against the number of entries it announced, and takes entries only
in the database transaction that wrote it, so nothing can be added later.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CONSTRAINTS = """
ALTER TABLE payments_account
  ADD CONSTRAINT payments_account_normal CHECK (normal IN ('D', 'C')),
  ADD CONSTRAINT payments_account_shards CHECK (shards BETWEEN 1 AND 64),
  ADD CONSTRAINT payments_account_code CHECK (code ~ '^[a-z0-9:._-]+$');
ALTER TABLE payments_journal
  ADD CONSTRAINT payments_journal_count CHECK (entry_count >= 2),
  ADD CONSTRAINT payments_journal_words CHECK (kind ~ '^[a-z_]+$' AND key ~ '^[A-Za-z0-9:._-]+$');
ALTER TABLE payments_entry
  ADD CONSTRAINT payments_entry_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_entry_side CHECK (side IN ('D', 'C'));
ALTER TABLE payments_balance
  ADD CONSTRAINT payments_balance_guard CHECK (CASE guard
    WHEN 'D' THEN debit_fen - credit_fen - held_fen >= 0
    WHEN 'C' THEN credit_fen - debit_fen - held_fen >= 0
    ELSE held_fen = 0 END),
  ADD CONSTRAINT payments_balance_held CHECK (held_fen >= 0);
ALTER TABLE payments_hold
  ADD CONSTRAINT payments_hold_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_hold_posted CHECK (
    posted_fen BETWEEN 0 AND amount_fen AND (state = 'posted') = (posted_fen > 0)),
  ADD CONSTRAINT payments_hold_account FOREIGN KEY (account_id) REFERENCES payments_account;
ALTER TABLE payments_intent
  ADD CONSTRAINT payments_intent_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_intent_captured CHECK (captured_fen IN (0, amount_fen)),
  ADD CONSTRAINT payments_intent_refunds CHECK (
    refunding_fen >= 0 AND refunded_fen >= 0 AND refunding_fen + refunded_fen <= captured_fen);
ALTER TABLE payments_refund
  ADD CONSTRAINT payments_refund_amount CHECK (amount_fen > 0),
  ADD CONSTRAINT payments_refund_intent FOREIGN KEY (intent_id) REFERENCES payments_intent;
CREATE UNIQUE INDEX payments_intent_live ON payments_intent (kind, subject_ref)
  WHERE state IN ('created', 'order_unknown', 'awaiting', 'closing',
                  'paid', 'fulfilment_unknown', 'fulfilled');
CREATE UNIQUE INDEX payments_intent_psp_ref ON payments_intent (psp, psp_ref)
  WHERE psp_ref IS NOT NULL;
CREATE INDEX payments_journal_intent ON payments_journal (intent_id) WHERE intent_id IS NOT NULL;
CREATE INDEX payments_intent_due ON payments_intent (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_refund_due ON payments_refund (due_at) WHERE due_at IS NOT NULL;
"""

_TOTALS = """
CREATE FUNCTION payments_refuse_direct() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% follows from other rows and is not written directly', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_direct';
END $$;
CREATE TRIGGER payments_balance_direct BEFORE INSERT OR UPDATE OR DELETE ON payments_balance
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION payments_refuse_direct();
CREATE TRIGGER payments_hold_kept BEFORE DELETE ON payments_hold
  FOR EACH ROW EXECUTE FUNCTION payments_refuse_direct();

-- Takes from a guarded, sharded account: from this connection's own row where that suffices, else
-- from all its rows, locked in order.
CREATE FUNCTION payments_draw(p_account bigint, p_guard text, p_own bigint, p_amount bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  part record;
  missing bigint := p_amount;
  taken bigint;
BEGIN
  UPDATE payments_balance
     SET debit_fen = debit_fen + CASE p_guard WHEN 'C' THEN p_amount ELSE 0 END,
         credit_fen = credit_fen + CASE p_guard WHEN 'D' THEN p_amount ELSE 0 END
   WHERE id = p_own AND p_amount <=
         CASE p_guard WHEN 'C' THEN credit_fen - debit_fen ELSE debit_fen - credit_fen END;
  IF FOUND THEN RETURN; END IF;
  FOR part IN SELECT id, abs(credit_fen - debit_fen) AS free FROM payments_balance
               WHERE account_id = p_account ORDER BY id FOR UPDATE LOOP
    taken := least(part.free, missing);
    UPDATE payments_balance
       SET debit_fen = debit_fen + CASE p_guard WHEN 'C' THEN taken ELSE 0 END,
           credit_fen = credit_fen + CASE p_guard WHEN 'D' THEN taken ELSE 0 END
     WHERE id = part.id;
    missing := missing - taken;
    EXIT WHEN missing = 0;
  END LOOP;
  IF missing > 0 THEN
    RAISE EXCEPTION 'account % has not enough', p_account
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_balance_guard';
  END IF;
END $$;

CREATE FUNCTION payments_apply_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  line record;
  own bigint;
BEGIN
  -- journals and accounts are never deleted, so this check once is what foreign keys would be
  IF EXISTS (
    SELECT FROM added n LEFT JOIN payments_journal j ON j.id = n.journal_id
                        LEFT JOIN payments_account a ON a.id = n.account_id
     WHERE j.id IS NULL OR j.xmin <> pg_current_xact_id()::xid OR a.id IS NULL) THEN
    RAISE EXCEPTION 'entries belong to an account and to a journal of their own transaction'
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_entry_place';
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
CREATE TRIGGER payments_entry_totals AFTER INSERT ON payments_entry
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments_apply_entries();

CREATE FUNCTION payments_apply_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.amount_fen, NEW.account_id, NEW.key)
      IS DISTINCT FROM (OLD.amount_fen, OLD.account_id, OLD.key) THEN
    RAISE EXCEPTION 'a hold keeps its amount'
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_hold_fixed';
  END IF;
  UPDATE payments_balance
     SET held_fen = held_fen + CASE WHEN TG_OP = 'INSERT' THEN NEW.amount_fen
                                    WHEN OLD.state = 'pending' AND NEW.state <> 'pending'
                                    THEN -NEW.amount_fen ELSE 0 END
   WHERE id = NEW.account_id * 64 AND guard <> '';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account % has nothing to hold', NEW.account_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_balance_guard';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payments_hold_totals AFTER INSERT OR UPDATE ON payments_hold
  FOR EACH ROW EXECUTE FUNCTION payments_apply_hold();
"""

_BALANCED = """
CREATE FUNCTION payments_check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found int;
  difference numeric;
BEGIN
  SELECT count(*), sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END)
    INTO found, difference FROM payments_entry WHERE journal_id = NEW.id;
  IF found <> NEW.entry_count OR difference <> 0 THEN
    RAISE EXCEPTION 'journal % is not balanced: % of % entries, difference % fen',
      NEW.id, found, NEW.entry_count, difference
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_journal_balanced';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payments_journal_balanced AFTER INSERT ON payments_journal
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_check_balanced();
"""

_POST = """
INSERT INTO payments_chain (chain, seq, hash)
SELECT n, 0, sha256(convert_to('quancheng ledger ' || n, 'UTF8')) FROM generate_series(0, 63) n;

CREATE FUNCTION payments_account_ids(p_codes text[]) RETURNS bigint[] LANGUAGE sql STABLE AS $$
  SELECT array_agg((SELECT a.id FROM payments_account a WHERE a.code = p_codes[n]) ORDER BY n)
    FROM generate_subscripts(p_codes, 1) n
$$;

CREATE FUNCTION payments_post(
  p_id uuid, p_kind text, p_key text, p_intent uuid, p_at timestamptz,
  p_codes text[], p_normals text[], p_guards boolean[], p_shards smallint[],
  p_sides text[], p_amounts bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  place payments_chain;
  legs text := '';
  ids bigint[];
BEGIN
  FOR n IN 1 .. cardinality(p_codes) LOOP
    legs := legs || ',' || p_codes[n] || ' ' || p_sides[n] || ' ' || p_amounts[n];
  END LOOP;
  -- a connection keeps to its own chain: no two wait for one another but by coincidence
  UPDATE payments_chain
     SET seq = seq + 1,
         hash = sha256(hash || convert_to(concat_ws('|',
           chain, seq + 1, p_id, p_kind, p_key, coalesce(p_intent::text, '-'),
           (extract(epoch FROM p_at) * 1000000)::bigint, substr(legs, 2)), 'UTF8'))
   WHERE chain = pg_backend_pid() % 64 RETURNING * INTO place;
  INSERT INTO payments_journal
    (id, kind, key, intent_id, posted_at, entry_count, chain, seq, hash)
  VALUES (p_id, p_kind, p_key, p_intent, p_at, cardinality(p_codes),
          place.chain, place.seq, place.hash);
  ids := payments_account_ids(p_codes);
  IF array_position(ids, NULL) IS NOT NULL THEN
    INSERT INTO payments_account (code, normal, guarded, shards)
    SELECT DISTINCT ON (p_codes[n]) p_codes[n], p_normals[n], p_guards[n], p_shards[n]
      FROM generate_subscripts(p_codes, 1) n WHERE ids[n] IS NULL ORDER BY p_codes[n]
    ON CONFLICT (code) DO NOTHING;
    ids := payments_account_ids(p_codes);
  END IF;
  INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
  SELECT p_id, n, ids[n], p_sides[n], p_amounts[n] FROM generate_subscripts(p_codes, 1) n;
END $$;
"""


class Migration(migrations.Migration):
    """Constraints, triggers and functions; all in one transaction with the tables."""

    dependencies = [("payments", "0001_initial")]

    operations = [ops.RunSQL(sql) for sql in (_CONSTRAINTS, _TOTALS, _BALANCED, _POST)]
