"""What must agree with the journals: accounts, totals, payments, payouts, closed days, the bank.

Each rule is one query over whole tables that names the rows which do not agree. None of them calls
a function of the database: who could edit the rows could have edited that as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from payments.ledger.accounts import CHART


@dataclass(frozen=True, slots=True)
class Rule:
    """A query over the tables, `leg` and `known`; its rows are faults, each at its `place`."""

    what: str
    sql: str


PREFIX = """
WITH leg AS (
  SELECT j.id, j.kind, j.key, j.intent_id, j.posted_at, j.voucher, e.side, a.code, e.amount_fen
    FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
    JOIN payments_account a ON a.id = e.account_id),
known AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::bool[], $4::int[])
      AS k (kind, normal, guarded, shards))
"""
"""Before each rule's query: every entry with its journal and account, and the program's chart."""
VALUES: Sequence[Sequence[object]] = (
    list(CHART),
    [kind.normal.value for kind in CHART.values()],
    [kind.guarded for kind in CHART.values()],
    [kind.shards for kind in CHART.values()],
)
"""What every rule's query is given."""

_ACCOUNTS = (
    Rule(
        "the database's chart of accounts is not the program's",
        """SELECT coalesce(c.kind, k.kind) AS place FROM payments_chart c
              FULL JOIN known k ON k.kind = c.kind
             WHERE (c.normal, c.guarded, c.shards) IS DISTINCT FROM (k.normal, k.guarded, k.shards)
          """,
    ),
    Rule(
        "the account is not as the chart says",
        """SELECT a.code AS place FROM payments_account a
              LEFT JOIN known k ON k.kind = split_part(a.code, ':', 1)
             WHERE (a.normal, a.guarded, a.shards) IS DISTINCT FROM (k.normal, k.guarded, k.shards)
          """,
    ),
    Rule(
        "a row of totals is not as its account says, or below zero",
        """SELECT coalesce(a.code, b.id::text) AS place FROM payments_balance b
             LEFT JOIN payments_account a ON a.id = b.account_id
            WHERE b.guard IS DISTINCT FROM CASE WHEN a.guarded THEN a.normal ELSE '' END
               OR b.id / 64 <> b.account_id OR b.id % 64 >= a.shards
               OR CASE b.guard WHEN 'D' THEN b.debit_fen - b.credit_fen - b.held_fen < 0
                               WHEN 'C' THEN b.credit_fen - b.debit_fen - b.held_fen < 0
                               ELSE b.held_fen <> 0 END""",
    ),
    Rule(
        "its totals are not the sum of its entries and holds",
        """SELECT coalesce(a.code, b.account_id::text, e.account_id::text, h.account_id::text)
                  AS place
             FROM payments_account a
             FULL JOIN (
               SELECT account_id, sum(debit_fen) AS debit, sum(credit_fen) AS credit,
                      sum(held_fen) AS held FROM payments_balance GROUP BY 1) b
               ON b.account_id = a.id
             FULL JOIN (
               SELECT account_id, sum(amount_fen) FILTER (WHERE side = 'D') AS debit,
                      sum(amount_fen) FILTER (WHERE side = 'C') AS credit
                 FROM payments_entry GROUP BY 1) e ON e.account_id = coalesce(a.id, b.account_id)
             FULL JOIN (
               SELECT account_id, sum(amount_fen) AS held
                 FROM payments_hold WHERE state = 'pending' GROUP BY 1) h
               ON h.account_id = coalesce(a.id, b.account_id, e.account_id)
            WHERE a.id IS NULL
               OR (coalesce(b.debit, 0), coalesce(b.credit, 0), coalesce(b.held, 0))
               <> (coalesce(e.debit, 0), coalesce(e.credit, 0), coalesce(h.held, 0))""",
    ),
    Rule(
        "an entry without its journal",
        """SELECT 'entry ' || e.id AS place FROM payments_entry e
             LEFT JOIN payments_journal j ON j.id = e.journal_id WHERE j.id IS NULL""",
    ),
)

_PAYMENTS = (
    Rule(
        "the payment, left order or refund is not what its journal sealed, or is gone",
        """SELECT j.key AS place FROM payments_journal j
             LEFT JOIN payments_intent i ON i.id = j.intent_id
             LEFT JOIN payments_left_order l
               ON j.kind = 'settle' AND l.intent_id = j.intent_id AND j.key = 'settle:' || l.id
             LEFT JOIN payments_refund r ON j.kind IN ('refund', 'reverse')
              AND r.intent_id = j.intent_id AND j.key = j.kind || ':' || r.id
            WHERE j.kind IN ('settle', 'fulfil', 'reverse', 'refund') AND NOT coalesce(
              CASE j.kind
                WHEN 'settle' THEN
                  CASE WHEN j.key = 'settle:' || i.id THEN i.id IS NOT NULL
                    AND to_jsonb(i) @> coalesce(j.voucher, '{}')
                  ELSE l.id IS NOT NULL AND to_jsonb(l) @> coalesce(j.voucher, '{}') END
                WHEN 'fulfil' THEN i.id IS NOT NULL AND j.key = 'fulfil:' || i.id
                  AND to_jsonb(i) @> CASE
                    WHEN j.voucher ->> 'fulfilment_ref' LIKE 'DEEMED-%'
                      THEN j.voucher - 'fulfilment_ref'
                    ELSE coalesce(j.voucher, '{}') END
                WHEN 'refund' THEN r.id IS NOT NULL AND to_jsonb(r) @> coalesce(j.voucher, '{}')
                ELSE r.id IS NOT NULL END, false)""",
    ),
    Rule(
        "it says of what was paid what the journals do not say",
        """
           SELECT o.what || ' ' || o.id AS place FROM (
             SELECT 'payment' AS what, id, psp, payer_id, captured_fen FROM payments_intent
             UNION ALL SELECT 'left order', l.id, l.psp, i.payer_id, l.captured_fen
                FROM payments_left_order l LEFT JOIN payments_intent i ON i.id = l.intent_id) o
             LEFT JOIN (
               SELECT key, sum(amount_fen) FILTER (WHERE side = 'D') AS fen,
                      min(code) FILTER (WHERE side = 'D') AS psp,
                      min(code) FILTER (WHERE side = 'C') AS payer
                 FROM leg WHERE kind = 'settle' GROUP BY key) s ON s.key = 'settle:' || o.id
            WHERE o.captured_fen <> coalesce(s.fen, 0)
               OR (s.fen IS NOT NULL AND (s.psp, s.payer)
                 IS DISTINCT FROM ('psp:' || o.psp, 'payer:' || o.payer_id))""",
    ),
    Rule(
        "it says of its payee, refunds or state what the journals do not say",
        """
           SELECT 'payment ' || i.id AS place FROM payments_intent i
             LEFT JOIN (
               SELECT key, posted_at, code, amount_fen FROM leg
                WHERE kind = 'fulfil' AND side = 'C') f
               ON f.key = 'fulfil:' || i.id
             LEFT JOIN (
               SELECT r.intent_id, r.psp,
                      sum(r.amount_fen) FILTER (WHERE r.state = 'succeeded') AS done,
                      sum(r.amount_fen) FILTER (WHERE r.state <> 'succeeded') AS open,
                      max(r.ended_at) AS ended_at
                 FROM payments_refund r GROUP BY 1, 2) r ON r.intent_id = i.id AND r.psp = i.psp
            CROSS JOIN LATERAL (
              SELECT coalesce(r.done, 0) AS done, coalesce(r.open, 0) AS open,
                     f.key IS NOT NULL AS passed) t
            WHERE t.done <> i.refunded_fen OR t.open <> i.refunding_fen
               OR t.passed <> (i.fulfilment_ref IS NOT NULL)
               OR (i.accepted_turn IS NOT NULL AND NOT t.passed)
               OR (t.passed AND (f.amount_fen, f.code) IS DISTINCT FROM (
                 i.amount_fen,
                 CASE WHEN i.merchant IS NULL THEN 'payee:' || i.payee ELSE 'psp:' || i.psp END))
               OR (i.state = 'leaving') <> (i.next_psp IS NOT NULL)
               OR NOT CASE
                 WHEN i.state IN ('paid', 'fulfilment_unknown')
                   THEN i.captured_fen > 0 AND NOT t.passed AND t.done + t.open = 0
                    AND i.ended_at IS NULL
                 WHEN i.state = 'fulfilled'
                   THEN t.passed AND t.done + t.open = 0
                 WHEN i.state = 'refunding' THEN t.open > 0
                 WHEN i.state = 'partly_refunded'
                   THEN t.done BETWEEN 1 AND i.captured_fen - 1
                 WHEN i.state = 'refunded'
                   THEN t.done = i.captured_fen AND t.done > 0
                 ELSE i.captured_fen = 0 END
               OR i.ended_at IS DISTINCT FROM coalesce(r.ended_at, f.posted_at, i.ended_at)""",
    ),
    Rule(
        "the refund does not agree with its journals, hold or payment",
        """
           SELECT 'refund ' || r.id AS place FROM payments_refund r
             LEFT JOIN payments_intent i ON i.id = r.intent_id
             LEFT JOIN payments_left_order l ON l.intent_id = r.intent_id AND l.psp = r.psp
             LEFT JOIN payments_hold h ON h.id = r.hold_id
             LEFT JOIN payments_account a ON a.id = h.account_id
             LEFT JOIN (SELECT key, code, posted_at, amount_fen FROM leg
                         WHERE kind = 'refund' AND side = 'D') p ON p.key = 'refund:' || r.id
             LEFT JOIN (SELECT key, code, amount_fen FROM leg
                         WHERE kind = 'reverse' AND side = 'C') b ON b.key = 'reverse:' || r.id
             LEFT JOIN (SELECT key, code FROM leg WHERE kind = 'reverse' AND side = 'D') f
               ON f.key = 'reverse:' || r.id
             LEFT JOIN (SELECT key, code FROM leg WHERE kind = 'refund' AND side = 'C') t
               ON t.key = 'refund:' || r.id
            WHERE NOT coalesce(
              (r.state = 'succeeded') = (p.key IS NOT NULL)
              AND (p.key IS NULL OR (p.amount_fen, p.code, p.posted_at)
                                  = (r.amount_fen, a.code, r.ended_at))
              AND (p.key IS NOT NULL OR r.ended_at IS NULL)
              AND (b.key IS NOT NULL) = (r.psp = i.psp AND i.fulfilment_ref IS NOT NULL)
              AND (b.key IS NULL OR (b.amount_fen, b.code) = (r.amount_fen, a.code))
              AND (f.key IS NULL OR (f.code = 'psp:' || i.psp) = (i.merchant IS NOT NULL))
              AND (t.key IS NULL OR i.merchant IS NULL OR t.code = 'psp:' || i.psp)
              AND (r.psp = i.psp OR l.captured_fen >= r.amount_fen)
              AND (h.amount_fen, h.key, h.created_at, a.code)
                = (r.amount_fen, 'refund:' || r.id, r.created_at, 'payer:' || i.payer_id)
              AND h.expires_at IS NULL
              AND CASE r.state WHEN 'succeeded' THEN h.state = 'posted'
                               ELSE h.state = 'pending' END
              AND h.posted_fen = CASE r.state WHEN 'succeeded' THEN r.amount_fen ELSE 0 END,
              false)""",
    ),
    Rule(
        "what payees' own merchants have was posted otherwise than by their payments",
        """SELECT key AS place FROM leg
            WHERE kind NOT IN ('settle', 'fulfil', 'reverse', 'refund') AND code IN (
              SELECT 'psp:' || i.psp FROM payments_intent i WHERE i.merchant IS NOT NULL)""",
    ),
    Rule(
        "a hold for a refund that is gone",
        """SELECT h.key AS place FROM payments_hold h
            WHERE h.key LIKE 'refund:%' AND NOT EXISTS (
              SELECT FROM payments_refund r WHERE h.key = 'refund:' || r.id AND r.hold_id = h.id)
           """,
    ),
)

_AFTERWARDS = (
    Rule(
        "the payout does not agree with its journal, or one of the two is gone",
        """
           SELECT coalesce(j.key, 'payout:' || p.payee || ':' || p.settled_on) AS place
             FROM payments_payout p
             FULL JOIN (
               SELECT id, key, posted_at,
                      coalesce(sum(amount_fen) FILTER (WHERE code LIKE 'payee:%'), 0) AS out,
                      coalesce(sum(amount_fen) FILTER (WHERE code LIKE 'claim:%'), 0) AS claimed,
                      coalesce(sum(amount_fen) FILTER (WHERE code LIKE 'fees:%'), 0) AS fee,
                      coalesce(sum(amount_fen) FILTER (WHERE code LIKE 'settled:%'), 0) AS settled
                 FROM leg WHERE kind = 'payout' GROUP BY 1, 2, 3) j
               ON j.key = 'payout:' || p.payee || ':' || p.settled_on
             LEFT JOIN (
               SELECT code, (posted_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
                      count(*), sum(amount_fen) AS fen
                 FROM leg WHERE kind = 'fulfil' AND side = 'C' GROUP BY 1, 2) f
               ON f.code = 'payee:' || p.payee AND f.day = p.settled_on
            WHERE p.journal_id IS DISTINCT FROM j.id OR p.id IS NULL
               OR (p.fulfilled_fen - p.reversed_fen, p.claimed_fen, p.fee_fen, p.amount_fen)
                <> (coalesce(j.out, 0), coalesce(j.claimed, 0), coalesce(j.fee, 0),
                    coalesce(j.settled, 0))
               OR j.posted_at <> p.instructed_at
               OR (p.payments, p.fulfilled_fen) <> (coalesce(f.count, 0), coalesce(f.fen, 0))""",
    ),
    Rule(
        "the series of receipts has a gap, or a number twice",
        """SELECT c.name AS place FROM payments_counter c
             FULL JOIN (
               SELECT 'receipt:' || left(receipt_no, 4) AS name,
                      count(DISTINCT receipt_no) AS count,
                      max(substring(receipt_no FROM '^[0-9]{4}([0-9]{1,18})$')::bigint) AS last,
                      bool_and(receipt_no ~ '^[0-9]{5,22}$' AND receipt_issued_at IS NOT NULL
                               AND fulfilment_ref IS NOT NULL) AS due
                 FROM payments_intent WHERE receipt_no IS NOT NULL GROUP BY 1) r ON r.name = c.name
            WHERE (c.name LIKE 'receipt:%' OR c.name IS NULL)
              AND ((c.value, c.value) IS DISTINCT FROM (r.count, r.last) OR NOT r.due)""",
    ),
)

_CLOSINGS = (
    Rule(
        "a closed day's balance is not what was posted until then",
        """SELECT coalesce(l.code, d.code) || ' on ' || coalesce(l.closed_on, d.closed_on) AS place
             FROM (
               SELECT b.closed_on, b.code,
                      b.debit_fen - coalesce(lag(b.debit_fen) OVER w, 0) AS debit,
                      b.credit_fen - coalesce(lag(b.credit_fen) OVER w, 0) AS credit
                 FROM payments_closing_balance b
               WINDOW w AS (PARTITION BY b.code ORDER BY b.closed_on)) l
             FULL JOIN (
               SELECT t.code, c.closed_on, sum(t.debit) AS debit, sum(t.credit) AS credit
                 FROM (
                   SELECT CASE WHEN code LIKE 'payer:%' THEN 'payer:*' ELSE code END AS code,
                          (posted_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
                          coalesce(sum(amount_fen) FILTER (WHERE side = 'D'), 0) AS debit,
                          coalesce(sum(amount_fen) FILTER (WHERE side = 'C'), 0) AS credit
                     FROM leg GROUP BY 1, 2) t
                CROSS JOIN LATERAL (
                  SELECT min(closed_on) AS closed_on FROM payments_closing
                   WHERE closed_on >= t.day AND carried_at IS NOT NULL) c
                WHERE c.closed_on IS NOT NULL GROUP BY 1, 2) d
               ON d.code = l.code AND d.closed_on = l.closed_on
            WHERE (coalesce(l.debit, 0), coalesce(l.credit, 0))
               <> (coalesce(d.debit, 0), coalesce(d.credit, 0))""",
    ),
    Rule(
        "a closed day lacks balances, or they have no closed day",
        """SELECT 'closing ' || coalesce(c.closed_on, b.closed_on) AS place
             FROM (SELECT closed_on FROM payments_closing WHERE carried_at IS NOT NULL) c
             FULL JOIN (SELECT closed_on, count(*) AS count
                          FROM payments_closing_balance GROUP BY 1) b
               ON b.closed_on = c.closed_on
            WHERE c.closed_on IS NULL OR coalesce(b.count, 0) <> (
              SELECT count(*) FROM (SELECT min(closed_on) AS first_on
                                      FROM payments_closing_balance GROUP BY code) f
               WHERE f.first_on <= c.closed_on)""",
    ),
    Rule(
        "the chain is not open from the end of the last closed day",
        """SELECT 'chain ' || chain AS place FROM payments_chain
            WHERE open_from <> coalesce(
              (SELECT (max(closed_on) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
                 FROM payments_closing), '1970-01-01 00:00:00+00')""",
    ),
)

_BANK = (
    Rule(
        "the bank's booking does not agree with its journal, or one of the two is gone",
        """SELECT coalesce(j.key, 'bank:' || e.id) AS place FROM payments_bank_entry e
             FULL JOIN (
               SELECT id, key, min(code) FILTER (WHERE code LIKE 'bank:%') AS bank,
                      min(code) FILTER (WHERE code NOT LIKE 'bank:%') AS other,
                      sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END)
                        FILTER (WHERE code LIKE 'bank:%') AS fen
                 FROM leg WHERE kind = 'bank' GROUP BY 1, 2) j ON j.key = 'bank:' || e.id
             LEFT JOIN payments_transfer t ON t.id::text = e.target
             LEFT JOIN payments_bank_statement s ON s.id = e.statement_id
            WHERE e.id IS NULL OR e.journal_id IS DISTINCT FROM j.id
               OR s.account IS DISTINCT FROM e.account
               OR (e.kind = 'unexplained') <> (j.id IS NULL)
               OR (e.kind = 'unexplained' AND (e.target <> '' OR NOT EXISTS (
                 SELECT FROM payments_case c WHERE c.source = 'bank' AND c.kind = 'bank_entry'
                    AND c.ref = replace(e.id::text, '-', '') AND c.their_fen = e.amount_fen)))
               OR (j.id IS NOT NULL AND (j.bank, j.other, j.fen) IS DISTINCT FROM (
                 'bank:' || e.account, CASE e.kind WHEN 'settlement' THEN 'psp:' || e.target
                   WHEN 'charge' THEN 'cost:' || e.target ELSE 'settled:' || t.payee END,
                 e.amount_fen))""",
    ),
    Rule(
        "the bank's statement does not agree with its bookings, or with the one before it",
        """SELECT 'bank statement ' || coalesce(s.id, e.statement_id) AS place
             FROM (SELECT *, lag(closing_fen) OVER (PARTITION BY account ORDER BY booked_on)
                     AS before_fen FROM payments_bank_statement) s
             FULL JOIN (
               SELECT statement_id, account, count(*) AS count, sum(amount_fen) AS fen
                 FROM payments_bank_entry WHERE ref NOT LIKE 'opening %' GROUP BY 1, 2) e
               ON e.statement_id = s.id AND e.account = s.account
            WHERE s.id IS NULL OR s.opening_fen <> coalesce(s.before_fen, s.opening_fen)
               OR (s.entries, s.closing_fen - s.opening_fen)
               <> (coalesce(e.count, 0), coalesce(e.fen, 0))
               OR (s.before_fen IS NULL AND s.opening_fen <> coalesce(
                 (SELECT sum(o.amount_fen) FROM payments_bank_entry o
                   WHERE o.statement_id = s.id AND o.ref LIKE 'opening %'), 0))""",
    ),
    Rule(
        "the transfer is not its payout, or not what the bank has booked of it",
        """SELECT 'transfer ' || t.id AS place FROM payments_transfer t
             LEFT JOIN payments_payout p ON p.id = t.id
             LEFT JOIN (SELECT target, sum(amount_fen) AS fen FROM payments_bank_entry
                         WHERE kind IN ('transfer', 'return') GROUP BY 1) e
               ON e.target = t.id::text
            WHERE (p.payee, p.amount_fen) IS DISTINCT FROM (t.payee, t.amount_fen)
               OR coalesce(e.fen, 0) <> CASE t.state WHEN 'paid' THEN -t.amount_fen ELSE 0 END""",
    ),
)

RULES: Sequence[Rule] = (*_ACCOUNTS, *_PAYMENTS, *_AFTERWARDS, *_CLOSINGS, *_BANK)
