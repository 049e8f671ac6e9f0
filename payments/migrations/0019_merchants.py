"""Payments to a payee's own merchant: at rest the PSP owes us nothing, and the journals say so.

`payments_agrees` knows both ways of a payment that its payee has accepted: into the payee's account
with us, or straight back to the account of the PSP, whose sub-merchant has the money.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_CONSTRAINTS = """
ALTER TABLE payments_intent
  ADD CONSTRAINT payments_intent_merchant CHECK ((psp = 'wechatpay_sp') = (merchant IS NOT NULL)),
  ADD CONSTRAINT payments_intent_stays CHECK (merchant IS NULL OR next_psp IS NULL);
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


class Migration(migrations.Migration):
    """A column, what holds of it, and the function that compares."""

    dependencies = [("payments", "0018_claims")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Intent",
            name="merchant",
            field=fields.CharField(null=True, max_length=32),
        ),
        ops.RunSQL(_CONSTRAINTS),
        ops.RunSQL(_PAYMENTS),
    ]
