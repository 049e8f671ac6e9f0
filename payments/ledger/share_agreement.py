"""What of the city's shares must agree with the journals: see payments.ledger.agreement."""

from collections.abc import Sequence

from payments.ledger.agreement import Rule

RULES: Sequence[Rule] = (
    Rule(
        "the share or its return is not what its journal sealed, or is gone",
        """SELECT j.key AS place FROM payments_journal j
             LEFT JOIN payments_share s
               ON j.kind = 'share' AND s.id = j.intent_id AND j.key = 'share:' || s.id
             LEFT JOIN payments_share_return r
               ON j.kind = 'share_return' AND r.share_id = j.intent_id
              AND j.key = 'share_return:' || r.id
            WHERE j.kind IN ('share', 'share_return') AND NOT coalesce(
              CASE j.kind WHEN 'share' THEN to_jsonb(s) ELSE to_jsonb(r) END @> j.voucher,
              false)""",
    ),
    Rule(
        "the share does not agree with its payment or journals",
        """SELECT 'share ' || coalesce(s.id, i.id) AS place FROM payments_share s
             FULL JOIN (SELECT * FROM payments_intent
                         WHERE share_bps > 0 AND fulfilment_ref IS NOT NULL) i ON i.id = s.id
             LEFT JOIN (SELECT key, posted_at FROM payments_journal WHERE kind = 'fulfil') f
               ON f.key = 'fulfil:' || i.id
             LEFT JOIN (SELECT key, code, posted_at, amount_fen FROM leg
                         WHERE kind = 'share' AND side = 'D') d ON d.key = 'share:' || s.id
             LEFT JOIN (SELECT key, code FROM leg WHERE kind = 'share' AND side = 'C') c
               ON c.key = 'share:' || s.id
            WHERE NOT coalesce(
              s.amount_fen = i.amount_fen * i.share_bps / 10000 AND s.created_at = f.posted_at
              AND (s.state = 'succeeded') = (d.key IS NOT NULL)
              AND (s.state = 'succeeded') = (s.ended_at IS NOT NULL)
              AND (d.key IS NULL OR (d.code, c.code, d.amount_fen, d.posted_at)
                = ('psp:' || s.psp, 'fees:' || i.payee, s.amount_fen, s.ended_at)), false)""",
    ),
    Rule(
        "the return of a share does not agree with it, its refund or its journals",
        """SELECT 'return ' || r.id AS place FROM payments_share_return r
             LEFT JOIN payments_share s ON s.id = r.share_id
             LEFT JOIN payments_intent i ON i.id = s.id
             LEFT JOIN payments_refund f ON f.id = r.refund_id
             LEFT JOIN (SELECT key, code, posted_at, amount_fen FROM leg
                         WHERE kind = 'share_return' AND side = 'D') d
               ON d.key = 'share_return:' || r.id
             LEFT JOIN (SELECT key, code FROM leg WHERE kind = 'share_return' AND side = 'C') c
               ON c.key = 'share_return:' || r.id
            WHERE NOT coalesce(
              s.state = 'succeeded' AND (f.intent_id, f.share_fen) = (s.id, r.amount_fen)
              AND r.created_at >= f.created_at
              AND (r.state = 'succeeded') = (d.key IS NOT NULL)
              AND (r.state = 'succeeded') = (r.ended_at IS NOT NULL)
              AND (d.key IS NULL OR (d.code, c.code, d.amount_fen, d.posted_at)
                = ('fees:' || i.payee, 'psp:' || s.psp, r.amount_fen, r.ended_at)), false)""",
    ),
)
