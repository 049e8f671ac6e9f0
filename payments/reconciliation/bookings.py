"""What the ledger has of a day: the queries that fill the table `booking` of a comparison.

Each is given how far clocks lie apart and the account that the other side tells of; those of a day
its first moment and the next day's, too.
"""

from payments.domain import MADE_IN_PORTAL, PAID_BY_BANK, Side

_BOOK = """
INSERT INTO booking (is_refund, ref, intent_id, payee, amount_fen, first_at, last_at,
                     first_on, last_on, due, deemed)
SELECT is_refund, payments_ref(id), intent_id, payee, amount_fen, first_at, last_at,
       payments_day(first_at - $1::interval), payments_day(last_at + $1::interval), due, deemed
  FROM ("""

_PSP_PAYMENTS = """
SELECT false AS is_refund, i.id, i.id AS intent_id, i.payee, e.amount_fen,
       i.paid_at AS first_at, i.paid_at AS last_at, true AS due, false AS deemed
  FROM payments_intent i
  JOIN payments_journal j
    ON j.intent_id = i.id AND j.kind = 'settle' AND j.key = 'settle:' || i.id
  JOIN payments_entry e ON e.journal_id = j.id
   AND e.account_id = (SELECT id FROM payments_account WHERE code = $2)
 WHERE i.captured_fen > 0 AND """

_PSP_LEFT = """
SELECT false AS is_refund, i.id, i.id AS intent_id, i.payee, e.amount_fen,
       o.paid_at AS first_at, o.paid_at AS last_at, true AS due, false AS deemed
  FROM payments_left_order o JOIN payments_intent i ON i.id = o.intent_id
  JOIN payments_journal j ON j.key = 'settle:' || o.id
  JOIN payments_entry e ON e.journal_id = j.id
   AND e.account_id = (SELECT id FROM payments_account WHERE code = $2)
 WHERE o.captured_fen > 0 AND """
"""An order that its payment had left and that was paid all the same."""

_PSP_REFUNDS = f"""
SELECT true AS is_refund, r.id, r.intent_id, i.payee, e.amount_fen,
       r.created_at AS first_at, r.ended_at AS last_at, true AS due, false AS deemed
  FROM payments_refund r JOIN payments_intent i ON i.id = r.intent_id
  JOIN payments_journal j ON j.key = 'refund:' || r.id
  JOIN payments_entry e ON e.journal_id = j.id
   AND e.account_id = (SELECT id FROM payments_account WHERE code = $2)
 WHERE r.state = 'succeeded'
   AND coalesce(r.psp_ref, '') !~ '^({MADE_IN_PORTAL}|{PAID_BY_BANK})' AND """  # noqa: S608

_PAYEE_PAYMENTS = """
SELECT false AS is_refund, i.id, i.id AS intent_id, i.payee, e.amount_fen,
       i.paid_at AS first_at, j.posted_at AS last_at, true AS due,
       i.fulfilment_ref LIKE 'DEEMED-%' AS deemed
  FROM payments_journal j JOIN payments_intent i ON i.id = j.intent_id
  JOIN payments_entry e ON e.journal_id = j.id AND e.side = 'C'
 WHERE j.kind = 'fulfil' AND 'payee:' || i.payee = $2 AND """
"""Also what the payee's own merchant has, which is in no account of the payee with us."""

_PAYEE_REVERSALS = """
SELECT true AS is_refund, i.id, i.id AS intent_id, i.payee,
       sum(e.amount_fen)::bigint AS amount_fen, i.paid_at AS first_at, now() AS last_at,
       false AS due, false AS deemed
  FROM payments_journal j JOIN payments_intent i ON i.id = j.intent_id
  JOIN payments_refund r ON j.key = 'reverse:' || r.id
  JOIN payments_entry e ON e.journal_id = j.id AND e.side = 'D'
 WHERE j.kind = 'reverse' AND 'payee:' || i.payee = $2 AND """
"""A payee is not told of refunds: it may reverse one, and need not. Or it reverses the payment
first, and the refund follows from that."""

PSP_OPEN_REFUNDS = """
SELECT true AS is_refund, r.id, r.intent_id, i.payee, r.amount_fen,
       r.created_at AS first_at, r.created_at AS last_at, false AS due, false AS deemed
  FROM payments_refund r JOIN payments_intent i ON i.id = r.intent_id
 WHERE r.state <> 'succeeded' AND 'psp:' || r.psp = $2 AND """
"""A refund stands in the statement of the day on which it was asked for, made or not."""

_SHARES = """
SELECT false AS is_refund, s.id, s.id AS intent_id, i.payee, e.amount_fen,
       s.created_at AS first_at, s.ended_at AS last_at, true AS due, false AS deemed
  FROM payments_share s JOIN payments_intent i ON i.id = s.id
  JOIN payments_journal j ON j.key = 'share:' || s.id
  JOIN payments_entry e ON e.journal_id = j.id
   AND e.account_id = (SELECT id FROM payments_account WHERE code = $2)
 WHERE s.state = 'succeeded' AND """

_SHARE_RETURNS = """
SELECT true AS is_refund, s.id, i.id AS intent_id, i.payee, e.amount_fen,
       s.created_at AS first_at, s.ended_at AS last_at, true AS due, false AS deemed
  FROM payments_share_return s JOIN payments_intent i ON i.id = s.share_id
  JOIN payments_journal j ON j.key = 'share_return:' || s.id
  JOIN payments_entry e ON e.journal_id = j.id
   AND e.account_id = (SELECT id FROM payments_account WHERE code = $2)
 WHERE s.state = 'succeeded' AND """

_OPEN_SHARES = """
SELECT false AS is_refund, s.id, s.id AS intent_id, i.payee, s.amount_fen,
       s.created_at AS first_at, s.created_at AS last_at, false AS due, false AS deemed
  FROM payments_share s JOIN payments_intent i ON i.id = s.id
 WHERE s.state IN ('requested', 'unknown', 'processing', 'refused') AND 'psp:' || s.psp = $2 AND """

_OPEN_SHARE_RETURNS = """
SELECT true AS is_refund, s.id, i.id AS intent_id, i.payee, s.amount_fen,
       s.created_at AS first_at, s.created_at AS last_at, false AS due, false AS deemed
  FROM payments_share_return s JOIN payments_intent i ON i.id = s.share_id
  JOIN payments_share h ON h.id = s.share_id
 WHERE s.state IN ('requested', 'unknown', 'processing') AND 'psp:' || h.psp = $2 AND """
"""What the PSP may tell of before we have heard of it; of what has failed it tells nothing."""

_STRAY_PAYMENT = """i.id IN (
  SELECT payments_id(t.ref) FROM told t WHERE NOT t.is_refund AND NOT EXISTS (
    SELECT FROM booking b WHERE NOT b.is_refund AND b.ref = t.ref))"""
_STRAY_REFUND = _STRAY_PAYMENT.replace("NOT t.is_refund", "t.is_refund").replace(
    "NOT b.is_refund", "b.is_refund"
)

_END = ") b"

BOOKINGS: dict[Side, tuple[str, ...]] = {
    Side.PSP: (
        _BOOK + _PSP_PAYMENTS + """i.paid_at >= $3::timestamptz - $1::interval
                               AND i.paid_at < $4::timestamptz + $1::interval""" + _END,
        _BOOK + _PSP_LEFT + """o.paid_at >= $3::timestamptz - $1::interval
                           AND o.paid_at < $4::timestamptz + $1::interval""" + _END,
        _BOOK + _PSP_REFUNDS + """r.ended_at >= $3::timestamptz - $1::interval
                              AND r.created_at < $4::timestamptz + $1::interval""" + _END,
    ),
    Side.PAYEE: (
        _BOOK + _PAYEE_PAYMENTS + """j.posted_at >= $3::timestamptz - $1::interval
                                 AND i.paid_at < $4::timestamptz + $1::interval""" + _END,
    ),
    Side.SHARING: tuple(
        _BOOK + query + """s.ended_at >= $3::timestamptz - $1::interval
                       AND s.created_at < $4::timestamptz + $1::interval""" + _END
        for query in (_SHARES, _SHARE_RETURNS)
    ),
}  # fmt: skip
STRAYS: dict[Side, tuple[str, ...]] = {
    Side.PSP: (
        _BOOK + _PSP_PAYMENTS + _STRAY_PAYMENT + _END,
        _BOOK + _PSP_LEFT + _STRAY_PAYMENT + _END,
        _BOOK + _PSP_REFUNDS + _STRAY_REFUND.replace("i.id IN", "r.id IN") + _END,
        _BOOK + PSP_OPEN_REFUNDS + _STRAY_REFUND.replace("i.id IN", "r.id IN") + _END,
    ),
    Side.PAYEE: (
        _BOOK + _PAYEE_PAYMENTS + _STRAY_PAYMENT + _END,
        _BOOK + _PAYEE_REVERSALS + _STRAY_REFUND + " GROUP BY i.id" + _END,
    ),
    Side.SHARING: (
        _BOOK + _SHARES + _STRAY_PAYMENT + _END,
        _BOOK + _SHARE_RETURNS + _STRAY_REFUND.replace("i.id IN", "s.id IN") + _END,
        _BOOK + _OPEN_SHARES + _STRAY_PAYMENT + _END,
        _BOOK + _OPEN_SHARE_RETURNS + _STRAY_REFUND.replace("i.id IN", "s.id IN") + _END,
    ),
}
"""What the day should not hold and a line names nevertheless: looked up by its number."""
