"""A statement's lines against the ledger's bookings: set by set, in temporary tables.

Lines stream into one table, the bookings that the day may hold into another, and one join of the
two finds every difference. Nothing but the database holds a whole day, so memory stays flat, and
all of it is one transaction: a file that turns out malformed at its last line leaves nothing.

A booking has a span of time in which the other side may have booked it, widened by BOUNDARY: a
payment the moment when it was paid, a refund the time from our asking to our hearing of it, a
payment passed on the time from its capture to the payee's acceptance, a share of one the time from
the acceptance to our hearing of it. Where the span lies within
one civil day, that day's statement must have it. Where it crosses a midnight, any of its days'
statements may: it is missing only when all of them are known and none has it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.clock import start_of_day
from core.database import Transaction, fetch_all, fetch_one, raw_connection
from payments.domain import Side
from payments.ledger.accounts import Account, payee_payable, psp_receivable
from payments.reconciliation.bookings import BOOKINGS, STRAYS
from payments.reconciliation.domain import BOUNDARY
from payments.statements import Line

_COLUMNS = (*Line._fields, "seq")
_BREATH_LINES = 1_000
"""After so many lines others of this process get their turn."""

_ANALYZE = "SELECT payments_analyze_comparison()"

_WRONG = """
WITH misread AS (DELETE FROM told WHERE wrong <> '' RETURNING *)
INSERT INTO found (booked_on, kind, is_refund, ref, order_ref, their_ref, their_at, note)
SELECT DISTINCT ON (ref) $1::date, 'line', false, ref, order_ref, their_ref, at, wrong
  FROM misread ORDER BY ref, seq
"""

_DUPLICATES = """
WITH twice AS (
  SELECT is_refund, ref, min(seq) AS seq FROM told GROUP BY 1, 2 HAVING count(*) > 1),
second AS (
  DELETE FROM told t USING twice d
   WHERE (t.is_refund, t.ref) = (d.is_refund, d.ref) AND t.seq > d.seq RETURNING t.*)
INSERT INTO found (booked_on, kind, is_refund, ref, order_ref, their_ref, their_fen, their_at)
SELECT DISTINCT ON (is_refund, ref) $1::date, 'duplicate', is_refund, ref, order_ref, their_ref,
       amount_fen, at
  FROM second ORDER BY is_refund, ref, seq
"""

_DIFFERENCES = """
INSERT INTO found (booked_on, kind, is_refund, ref, order_ref, their_ref, intent_id, payee,
                   our_fen, their_fen, our_at, their_at)
SELECT $1::date, d.kind, coalesce(b.is_refund, t.is_refund), coalesce(b.ref, t.ref), t.order_ref,
       t.their_ref, b.intent_id, b.payee,
       CASE d.kind WHEN 'fee' THEN fee.due_fen ELSE b.amount_fen END,
       CASE d.kind WHEN 'fee' THEN t.fee_fen WHEN 'coupon' THEN t.settled_fen
                   ELSE t.amount_fen END,
       b.first_at, t.at
  FROM told t FULL JOIN booking b ON b.is_refund = t.is_refund AND b.ref = t.ref
 CROSS JOIN LATERAL (SELECT (coalesce(t.settled_fen, b.amount_fen) * $2::int + 5000) / 10000
                       AS due_fen) fee
 CROSS JOIN LATERAL (SELECT CASE WHEN NOT b.due THEN greatest(b.last_on, $1::date)
                            ELSE b.last_on END AS day) latest
 CROSS JOIN LATERAL (SELECT unnest(ARRAY[
   CASE WHEN b.ref IS NULL AND NOT t.is_refund THEN 'missing_here' END,
   CASE WHEN b.ref IS NULL AND t.is_refund THEN 'refund' END,
   CASE WHEN t.ref IS NULL AND b.due AND b.first_on = $1 AND b.last_on = $1
        THEN CASE WHEN b.is_refund THEN 'refund' ELSE 'missing_there' END END,
   CASE WHEN t.amount_fen <> b.amount_fen THEN 'amount' END,
   CASE WHEN t.amount_fen = b.amount_fen AND t.fee_fen <> fee.due_fen THEN 'fee' END,
   CASE WHEN t.amount_fen = b.amount_fen AND t.settled_fen <> t.amount_fen THEN 'coupon' END,
   CASE WHEN payments_day(t.at) NOT BETWEEN b.first_on AND latest.day
          OR $1 NOT BETWEEN b.first_on AND latest.day THEN
        CASE WHEN t.ref IS NOT NULL THEN 'date' END END
 ]) AS kind) d
 WHERE d.kind IS NOT NULL
"""
"""A wrong amount brings a wrong fee with it: that is one difference, not two. What is still
under way may have been asked for again, and booked, on any day since it was asked for first."""

_CROSSINGS = """
WITH seen AS (
  SELECT b.*, t.ref IS NOT NULL AS is_told, t.their_ref, t.amount_fen AS their_fen, t.at
    FROM booking b LEFT JOIN told t ON t.is_refund = b.is_refund AND t.ref = b.ref
   WHERE b.due AND b.first_on < b.last_on AND $2::date BETWEEN b.first_on AND b.last_on),
twice AS (
  INSERT INTO found (booked_on, kind, is_refund, ref, order_ref, their_ref, intent_id, payee,
                     our_fen, their_fen, our_at, their_at)
  SELECT $2, 'duplicate', s.is_refund, s.ref, s.ref, s.their_ref, s.intent_id, s.payee,
         s.amount_fen, s.their_fen, s.first_at, s.at
    FROM seen s JOIN payments_crossing c
      ON c.source = $1 AND c.is_refund = s.is_refund AND c.ref = s.ref
   WHERE s.is_told AND c.booked_on <> $2
     AND NOT EXISTS (SELECT FROM found f WHERE f.kind = 'duplicate'
                        AND f.is_refund = s.is_refund AND f.ref = s.ref))
INSERT INTO payments_crossing AS c
  (source, is_refund, ref, intent_id, payee, amount_fen, at, first_on, last_on, booked_on)
SELECT $1, is_refund, ref, intent_id, payee, amount_fen, first_at, first_on,
       last_on, CASE WHEN is_told THEN $2 END
  FROM seen
    ON CONFLICT (source, is_refund, ref)
    DO UPDATE SET booked_on = coalesce(c.booked_on, EXCLUDED.booked_on),
                  last_on = greatest(c.last_on, EXCLUDED.last_on)
"""

_TOLD_EARLY = """
INSERT INTO payments_crossing AS c
  (source, is_refund, ref, intent_id, payee, amount_fen, at, first_on, last_on, booked_on)
SELECT $1, b.is_refund, b.ref, b.intent_id, b.payee, b.amount_fen, b.first_at, b.first_on,
       greatest(b.last_on, $2::date + 1), $2
  FROM booking b JOIN told t ON t.is_refund = b.is_refund AND t.ref = b.ref WHERE NOT b.due
    ON CONFLICT (source, is_refund, ref)
    DO UPDATE SET booked_on = coalesce(c.booked_on, EXCLUDED.booked_on),
                  last_on = greatest(c.last_on, EXCLUDED.last_on)
"""
"""A PSP has told of a refund or share before it was made, as far as we had heard: it is not awaited
when it is, on a later day."""

_AWAITED_IN_VAIN = """
INSERT INTO found (booked_on, kind, is_refund, ref, order_ref, intent_id, payee, our_fen, our_at,
                   crossing)
SELECT c.last_on, CASE WHEN c.is_refund THEN 'refund' ELSE 'missing_there' END, c.is_refund, c.ref,
       c.ref, c.intent_id, c.payee, c.amount_fen, c.at, true
  FROM payments_crossing c
 WHERE c.source = $1 AND c.booked_on IS NULL AND $2::date BETWEEN c.first_on AND c.last_on
   AND c.last_on - c.first_on + 1 = (
     SELECT count(*) FROM (
       SELECT s.booked_on FROM payments_statement s
        WHERE s.source = $1 AND s.booked_on BETWEEN c.first_on AND c.last_on
       UNION SELECT $2) known)
"""

_OWNERS = """
UPDATE found f SET intent_id = i.id, payee = i.payee
  FROM payments_intent i WHERE f.intent_id IS NULL AND i.id = payments_id(f.order_ref)
"""

_FIGURES = """
SELECT
  ((SELECT count(*) FROM told) + (SELECT count(*) FROM found))::int AS lines,
  (SELECT coalesce(sum(coalesce(settled_fen, amount_fen)) FILTER (WHERE NOT is_refund), 0)
     FROM told)::bigint AS their_paid_fen,
  (SELECT coalesce(sum(coalesce(settled_fen, amount_fen)) FILTER (WHERE is_refund), 0)
     FROM told)::bigint AS their_refunded_fen,
  (SELECT coalesce(sum(CASE WHEN is_refund THEN -fee_fen ELSE fee_fen END), 0)
     FROM told)::bigint
    AS their_fee_fen,
  (SELECT coalesce(sum(amount_fen) FILTER (WHERE NOT is_refund), 0) FROM booking
    WHERE due AND payments_day(first_at) = $1)::bigint AS our_paid_fen,
  (SELECT coalesce(sum(amount_fen) FILTER (WHERE is_refund), 0) FROM booking
    WHERE due AND payments_day(first_at) = $1)::bigint AS our_refunded_fen
"""

_HOURS = """
SELECT hour, sum(theirs)::bigint AS theirs, sum(ours)::bigint AS ours FROM (
  SELECT extract(hour FROM at AT TIME ZONE 'Asia/Shanghai')::int AS hour,
         amount_fen AS theirs, 0 AS ours
    FROM told WHERE NOT is_refund
  UNION ALL
  SELECT extract(hour FROM first_at AT TIME ZONE 'Asia/Shanghai')::int, 0, amount_fen
    FROM booking WHERE NOT is_refund AND due AND payments_day(first_at) = $1) h
 GROUP BY hour
"""

_MATCHED = """
SELECT (SELECT count(*) FROM told)::int
     - (SELECT count(*) FROM found WHERE kind = 'missing_here'
                OR (kind = 'refund' AND our_fen IS NULL))::int AS matched,
       (SELECT count(*) FROM payments_crossing
         WHERE source = $1 AND booked_on IS NULL AND $2::date >= first_on AND $2 < last_on)::int
       AS awaited
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a day's comparison saw. `matched` lines have a booking, `awaited` bookings a day yet."""

    lines: int
    matched: int
    awaited: int
    their_paid_fen: int
    their_refunded_fen: int
    their_fee_fen: int
    our_paid_fen: int
    our_refunded_fen: int
    hours: list[list[int]]


def day_bounds(on: date) -> tuple[datetime, datetime]:
    """The first moment of a civil day and of the next."""
    begins_at = start_of_day(on)
    return begins_at, begins_at + timedelta(days=1)


async def compare(
    tx: Transaction,
    *,
    source: str,
    side: Side,
    on: date,
    lines: Iterable[Line],
    fee_bps: int | None,
) -> Figures:
    """Leave every difference of a day in the temporary table `found`.

    The caller's transaction also sees the lines as `told` and the ledger's side as `booking`.
    Raises StatementRefused out of `lines`; then `tx` must roll back.
    """
    await _prepare(tx)
    await _stage(tx, lines)
    await _load(tx, source, side, on)
    await tx.execute_query(_WRONG, [on])
    figures = await fetch_one(tx, _FIGURES, on)
    assert figures is not None
    hours = [[0, 0] for _ in range(24)]
    for row in await fetch_all(tx, _HOURS, on):
        hours[row["hour"]] = [row["theirs"], row["ours"]]
    await tx.execute_query(_DUPLICATES, [on])
    await tx.execute_query(_DIFFERENCES, [on, fee_bps])
    await tx.execute_query(
        "UPDATE payments_crossing SET booked_on = NULL WHERE source = $1 AND booked_on = $2",
        [source, on],
    )
    await tx.execute_query(_CROSSINGS, [source, on])
    if side is not Side.PAYEE:
        await tx.execute_query(_TOLD_EARLY, [source, on])
    await tx.execute_query(_AWAITED_IN_VAIN, [source, on])
    await tx.execute_query(_OWNERS)
    matched = await fetch_one(tx, _MATCHED, source, on)
    assert matched is not None
    return Figures(hours=hours, **figures, **matched)


async def _prepare(tx: Transaction) -> None:
    """A million lines take longer, and sort in more memory, than a request may."""
    await tx.execute_script("SET LOCAL statement_timeout = '600s'; SET LOCAL work_mem = '64MB'")
    await tx.execute_query("SELECT payments_begin_comparison()")


async def _stage(tx: Transaction, lines: Iterable[Line]) -> None:
    async def rows() -> AsyncIterator[tuple[object, ...]]:
        for seq, line in enumerate(lines):
            if seq % _BREATH_LINES == 0:
                await asyncio.sleep(0)
            yield (*line, seq)

    await raw_connection(tx).copy_records_to_table("told", records=rows(), columns=_COLUMNS)
    await tx.execute_query(_ANALYZE)


async def _load(tx: Transaction, source: str, side: Side, on: date) -> None:
    span = [BOUNDARY, _account(source, side).code]
    for query in BOOKINGS[side]:
        await tx.execute_query(query, [*span, *day_bounds(on)])
    await tx.execute_query(_ANALYZE)
    for query in STRAYS[side]:
        await tx.execute_query(query, span)


def _account(source: str, side: Side) -> Account:
    """The account in which what a source tells of is booked; shares come to our own merchant at
    WeChat Pay."""
    if side is Side.PAYEE:
        return payee_payable(source)
    return psp_receivable("wechatpay" if side is Side.SHARING else source)
