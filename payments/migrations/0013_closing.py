"""Closed days: nothing is posted into them any more, and their balances are carried forward.

The lock stands in the head of each hash chain, which every posting moves anyway: a closing waits
for postings under way, and one that comes later meets the lock in the same statement.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_LOCK = """
ALTER TABLE payments_chain ALTER COLUMN open_from SET DEFAULT '1970-01-01 00:00:00+00';
UPDATE payments_chain SET open_from = DEFAULT;

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

_CLOSE = """
CREATE FUNCTION payments_close_day(p_day date, p_at timestamptz, p_by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF p_day >= payments_day(p_at) THEN
    RAISE EXCEPTION 'the day % is not over', p_day
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_closing_over';
  END IF;
  PERFORM FROM payments_chain ORDER BY chain FOR UPDATE;
  IF p_day <= (SELECT max(c.closed_on) FROM payments_closing c) THEN
    RAISE EXCEPTION 'the day % is closed', p_day
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'payments_closing_once';
  END IF;
  INSERT INTO payments_closing (closed_on, closed_at, closed_by) VALUES (p_day, p_at, p_by);
  UPDATE payments_chain SET open_from = (p_day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai';
END $$;

-- Payers have an account each; in the balances of a day they are one line.
CREATE FUNCTION payments_line(p_code text) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN CASE WHEN p_code LIKE 'payer:%' THEN 'payer:*' ELSE p_code END;

-- All that was posted to each account until a day's end; from the last closed day that is carried.
CREATE FUNCTION payments_totals(p_day date)
RETURNS TABLE (code text, debit_fen bigint, credit_fen bigint) LANGUAGE sql STABLE AS $$
  WITH base AS (
    SELECT max(c.closed_on) AS day FROM payments_closing c
     WHERE c.closed_on <= p_day AND c.carried_at IS NOT NULL),
  parts AS (
    SELECT b.code, b.debit_fen, b.credit_fen FROM payments_closing_balance b, base
     WHERE b.closed_on = base.day
    UNION ALL
    SELECT payments_line(a.code), CASE e.side WHEN 'D' THEN e.amount_fen ELSE 0 END,
           CASE e.side WHEN 'C' THEN e.amount_fen ELSE 0 END
      FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id
     WHERE j.posted_at < (p_day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
       AND j.posted_at >= coalesce(
         ((SELECT day FROM base) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai', '-infinity'))
  SELECT p.code, sum(p.debit_fen)::bigint, sum(p.credit_fen)::bigint FROM parts p GROUP BY 1
$$;

CREATE FUNCTION payments_carry_forward(p_day date, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
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
    """Two tables, a column, and functions."""

    dependencies = [("payments", "0012_loans")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Closing",
            fields=[
                ("closed_on", fields.DateField(primary_key=True, unique=True, db_index=True)),
                ("closed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_by", fields.CharField(max_length=64)),
                ("carried_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "payments_closing",
                "app": "payments",
                "pk_attr": "closed_on",
                "table_description": "A closed day: nothing is posted into it, or into any day before it, any more.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ClosingBalance",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("closed_on", fields.DateField()),
                ("code", fields.CharField(max_length=96)),
                ("debit_fen", fields.BigIntField()),
                ("credit_fen", fields.BigIntField()),
            ],
            options={
                "table": "payments_closing_balance",
                "app": "payments",
                "unique_together": (("closed_on", "code"),),
                "pk_attr": "id",
                "table_description": "All that was ever posted to an account until a closed day's end; payers are one line.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Chain",
            name="open_from",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL("UPDATE payments_chain SET open_from = '1970-01-01 00:00:00+00'"),
        ops.AlterField(
            model_name="Chain",
            name="open_from",
            field=fields.DatetimeField(auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(_LOCK),
        ops.RunSQL(_CLOSE),
    ]
