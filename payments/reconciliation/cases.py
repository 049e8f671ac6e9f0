"""The life of a difference: opened by a comparison, cleared by a later one, resolved by people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.database import Transaction, fetch_all, fetch_one
from core.errors import Conflict, NotFound
from core.refusal_texts import NOT_FOUND
from payments import store
from payments.domain import REFUND, Side
from payments.events import Oddity, OddityFound
from payments.reconciliation import texts, twins
from payments.reconciliation.domain import (
    BLOCKING,
    BLOCKING_ODDITIES,
    CASE,
    UNSETTLED,
    BreakKind,
    Resolution,
)
from payments.reconciliation.models import Case, CaseNote
from payments.sharing import store as sharing
from payments.sharing.domain import SHARE

_OWN_REFUNDS = (Oddity.REFUND_REFUSED, Oddity.REFUND_OVERDUE, Oddity.RETURN_REFUSED)
_OWN_SHARES = (Oddity.SHARE_REFUSED, Oddity.SHARE_OVERDUE)
_OF_REFUNDS = (*_OWN_REFUNDS, Oddity.FOREIGN_REFUND)

SYSTEM = "reconciliation"
"""Who acted, where nobody did."""

_OPEN = """
WITH opened AS (
  INSERT INTO payments_case
    (source, booked_on, kind, is_refund, ref, their_ref, intent_id, payee, blocking, crossing,
     our_fen, their_fen, our_at, their_at, state, opened_at)
  SELECT $1, booked_on, kind, is_refund, ref, their_ref, intent_id, coalesce(payee, $4::text),
         kind = ANY($5::text[]) AND coalesce(payee, $4) IS NOT NULL, crossing,
         our_fen, their_fen, our_at, their_at, 'open', $2
    FROM found
      ON CONFLICT (source, booked_on, kind, is_refund, ref) DO NOTHING
  RETURNING id, booked_on, kind, is_refund, ref)
INSERT INTO payments_case_note (case_id, at, actor, event, note)
SELECT o.id, $2::timestamptz, $3, 'open', left(min(f.note), 500)
  FROM opened o JOIN found f
    ON (f.booked_on, f.kind, f.is_refund, f.ref) = (o.booked_on, o.kind, o.is_refund, o.ref)
 GROUP BY o.id RETURNING case_id
"""

_REAPPEAR = """
WITH back AS (
  UPDATE payments_case c
     SET state = 'open', closed_at = NULL, our_fen = f.our_fen, their_fen = f.their_fen,
         their_ref = f.their_ref, our_at = f.our_at, their_at = f.their_at
    FROM found f
   WHERE c.source = $1 AND c.state = 'cleared'
     AND (c.booked_on, c.kind, c.is_refund, c.ref) = (f.booked_on, f.kind, f.is_refund, f.ref)
  RETURNING c.id)
INSERT INTO payments_case_note (case_id, at, actor, event, note)
SELECT id, $2::timestamptz, $3, 'reappear', '' FROM back RETURNING case_id
"""

_OF_DAY = """c.source = $1 AND c.kind = ANY($3::text[]) AND CASE WHEN c.crossing THEN EXISTS (
           SELECT FROM payments_crossing x
            WHERE x.source = c.source AND x.is_refund = c.is_refund AND x.ref = c.ref
              AND $2::date BETWEEN x.first_on AND x.last_on)
         ELSE c.booked_on = $2 END"""
_IS_FOUND = """EXISTS (
       SELECT FROM found f
        WHERE (c.booked_on, c.kind, c.is_refund, c.ref) = (f.booked_on, f.kind, f.is_refund, f.ref))
"""

_LOCK = f"""
SELECT c.id FROM payments_case c
 WHERE c.id IN (
   SELECT c.id FROM payments_case c WHERE {_OF_DAY}
    UNION ALL
   SELECT c.id FROM payments_case c JOIN found f
       ON (c.booked_on, c.kind, c.is_refund, c.ref) = (f.booked_on, f.kind, f.is_refund, f.ref)
    WHERE c.source = $1)
 ORDER BY c.id FOR UPDATE
"""  # noqa: S608 - our own text

_FOLLOW = f"""
WITH {twins.POSTED}, newest AS (
  SELECT c.id, f.our_fen, f.their_fen, f.their_ref, f.our_at, f.their_at
    FROM payments_case c JOIN found f
      ON (c.booked_on, c.kind, c.is_refund, c.ref) = (f.booked_on, f.kind, f.is_refund, f.ref)
   WHERE c.source = $1 AND c.state <> 'cleared'
   UNION ALL
  SELECT c.id, c.our_fen, CASE WHEN c.kind <> 'duplicate' THEN c.our_fen END, c.their_ref, c.our_at,
         c.their_at
    FROM payments_case c
   WHERE {_OF_DAY} AND $6 AND c.id IN (SELECT id FROM posted) AND NOT {_IS_FOUND}),
seen AS (
  SELECT n.*, c.state, c.our_fen AS our_before, c.their_fen AS their_before
    FROM payments_case c JOIN newest n ON n.id = c.id
   WHERE (c.our_fen, c.their_fen, CASE WHEN c.kind = 'date' THEN payments_day(c.their_at) END)
      IS DISTINCT FROM
         (n.our_fen, n.their_fen, CASE WHEN c.kind = 'date' THEN payments_day(n.their_at) END)),
moved AS (
  UPDATE payments_case c
     SET our_fen = s.our_fen, their_fen = s.their_fen, their_ref = s.their_ref, our_at = s.our_at,
         their_at = s.their_at, closed_at = NULL,
         state = CASE s.state WHEN 'investigating' THEN s.state ELSE 'open' END
    FROM seen s WHERE s.id = c.id
  RETURNING c.id)
INSERT INTO payments_case_note (case_id, at, actor, event, note)
SELECT s.id, $4::timestamptz, $5,
       CASE WHEN s.state = ANY($7::text[]) THEN 'change' ELSE 'reopen' END,
       format('ours %s -> %s fen, theirs %s -> %s fen', coalesce(s.our_before::text, '-'),
              coalesce(s.our_fen::text, '-'), coalesce(s.their_before::text, '-'),
              coalesce(s.their_fen::text, '-'))
  FROM seen s JOIN moved m ON m.id = s.id RETURNING event
"""  # noqa: S608 - our own text
"""Of what is posted, and differs no more, the posting is the difference."""

_VANISH = f"""
WITH {twins.POSTED}, gone AS (
  UPDATE payments_case c SET state = 'cleared', closed_at = $4::timestamptz
   WHERE {_OF_DAY} AND c.state = ANY($7::text[]) AND NOT {_IS_FOUND}
     AND NOT ($6 AND c.id IN (SELECT id FROM posted))
  RETURNING c.id)
INSERT INTO payments_case_note (case_id, at, actor, event, note)
SELECT id, $4, $5, 'vanish', '' FROM gone RETURNING case_id
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Change:
    """How many cases a comparison opened, again or for the first time, and cleared."""

    opened: int
    cleared: int


async def take_over(tx: Transaction, *, source: str, side: Side, on: date, now: datetime) -> Change:
    """Turn the differences in `found` into cases. The same differences again change nothing.

    Other ones do: an open case has the newest figures, or clears when there is no difference any
    more; one that was closed is open again. So is one that was closed by a posting, of whatever
    the posting then differs: of a payee's nothing is posted that its statement does not show.
    """
    payee = source if side is Side.PAYEE else None
    blocking = [kind.value for kind in BLOCKING[side]]
    day = (source, on, list(BreakKind))
    acted = (now, SYSTEM, side is Side.PSP, list(UNSETTLED))
    await fetch_all(tx, _LOCK, *day)
    moved = await fetch_all(tx, _FOLLOW, *day, *acted)
    await twins.omit_posted(tx, source)
    opened = await fetch_all(tx, _OPEN, source, now, SYSTEM, payee, blocking)
    back = await fetch_all(tx, _REAPPEAR, source, now, SYSTEM)
    gone = await fetch_all(tx, _VANISH, *day, *acted)
    reopened = sum(row["event"] == "reopen" for row in moved)
    return Change(len(opened) + len(back) + reopened, len(gone))


async def open_oddity(tx: Transaction, found: OddityFound, now: datetime) -> None:
    """Open a case of what a PSP said or did. The same again changes nothing, nor does what its bill
    has told of before, nor what is over: its end may be told first."""
    if await _is_over(tx, found):
        return
    word = twins.Word(found.source, found.intent_id, found.oddity, found.their_ref, found.their_fen)
    if await twins.is_told(tx, word):
        return
    is_refund = found.oddity in _OF_REFUNDS
    rows = await fetch_all(
        tx,
        """INSERT INTO payments_case
             (source, booked_on, kind, is_refund, ref, their_ref, intent_id, payee, blocking,
              crossing, our_fen, their_fen, state, opened_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, $10, $11, 'open', $12)
           ON CONFLICT (source, booked_on, kind, is_refund, ref) DO NOTHING RETURNING id""",
        found.source,
        found.found_on,
        found.oddity,
        is_refund,
        found.ref,
        found.their_ref,
        found.intent_id,
        found.payee,
        found.oddity in BLOCKING_ODDITIES,
        found.our_fen,
        found.their_fen,
        now,
    )
    for row in rows:
        await _note(tx, row["id"], "open", SYSTEM, found.note, now)


async def _is_over(tx: Transaction, found: OddityFound) -> bool:
    """Whether the refund or share that it tells of has come to its end, which waits for `tx`."""
    if found.oddity in _OWN_REFUNDS:
        refund = await store.lock_refund(tx, UUID(found.ref))
        return refund is not None and refund.state in REFUND.final
    if found.oddity in _OWN_SHARES:
        share = await sharing.lock_share(tx, UUID(found.ref))
        return share is not None and share.state in SHARE.final
    return False


async def clear_refund(tx: Transaction, ref: str, now: datetime) -> None:
    """Clear the cases of a refund that has come to its end after all."""
    await _clear(tx, ref, _OWN_REFUNDS, now)


async def clear_share(tx: Transaction, ref: str, now: datetime) -> None:
    """Clear the cases of a share that is made after all, or is none."""
    await _clear(tx, ref, _OWN_SHARES, now)


async def _clear(tx: Transaction, ref: str, kinds: Sequence[Oddity], now: datetime) -> None:
    rows = await fetch_all(
        tx,
        """UPDATE payments_case SET state = 'cleared', closed_at = $4
            WHERE ref = $1 AND kind = ANY($2::text[]) AND state = ANY($3::text[])
           RETURNING id""",
        ref,
        list(kinds),
        list(UNSETTLED),
        now,
    )
    for row in rows:
        await _note(tx, row["id"], "vanish", SYSTEM, "", now)


async def step(
    tx: Transaction,
    case_id: int,
    event: str,
    *,
    actor: str,
    note: str,
    now: datetime,
    resolution: Resolution | None = None,
) -> Case:
    """Take an edge of a case's machine and write it into its trail.

    Raises NotFound, IllegalTransition, and Conflict NOTE_MISSING where nobody says who or why.
    """
    if not actor.strip() or not note.strip():
        raise Conflict(texts.NOTE_MISSING)
    case = await Case.filter(id=case_id).using_db(tx).select_for_update().first()
    if case is None:
        raise NotFound(NOT_FOUND)
    case.state = CASE.next_state(case.state, event)
    case.closed_at = now if case.state not in UNSETTLED else None
    await case.save(using_db=tx, update_fields=["state", "closed_at"])
    await _note(tx, case.id, event, actor.strip(), note.strip(), now, resolution)
    return case


async def _note(
    tx: Transaction,
    case_id: int,
    event: str,
    actor: str,
    note: str,
    now: datetime,
    resolution: Resolution | None = None,
) -> None:
    await CaseNote.create(
        using_db=tx,
        case_id=case_id,
        at=now,
        actor=actor[:64],
        event=event,
        resolution=resolution,
        note=note[:500],
    )


async def list_cases(
    *,
    on: date | None = None,
    source: str | None = None,
    unsettled: bool = True,
    first: int | None = None,
) -> Sequence[Case]:
    """Cases by day and number; the first ones, or all."""
    query = Case.all()
    if first is not None:
        query = query.limit(first)
    if on is not None:
        query = query.filter(booked_on=on)
    if source is not None:
        query = query.filter(source=source)
    if unsettled:
        query = query.filter(state__in=UNSETTLED)
    return await query.order_by("booked_on", "id")


async def trail(case_id: int) -> Sequence[CaseNote]:
    """The steps of a case, in order."""
    return await CaseNote.filter(case_id=case_id).order_by("id")


async def is_blocked(tx: Transaction, payee: str, on: date) -> bool:
    """Whether a difference of this day or before leaves open what a payee is owed."""
    row = await fetch_one(
        tx,
        """SELECT EXISTS (SELECT FROM payments_case WHERE payee = $1 AND blocking
                             AND booked_on <= $2 AND state = ANY($3::text[])) AS blocked""",
        payee,
        on,
        list(UNSETTLED),
    )
    assert row is not None
    return bool(row["blocked"])


async def is_missed_by_psp(tx: Transaction, intent_id: UUID) -> bool:
    """Whether it is open if the PSP has a payment at all."""
    row = await fetch_one(
        tx,
        """SELECT EXISTS (SELECT FROM payments_case c JOIN payments_intent i ON i.id = c.intent_id
                           WHERE i.id = $1 AND c.source = i.psp AND c.kind = 'missing_there'
                             AND c.state = ANY($2::text[])) AS missed""",
        intent_id,
        list(UNSETTLED),
    )
    assert row is not None
    return bool(row["missed"])


async def list_unheard(tx: Transaction) -> list[UUID]:
    """Intents whose payment the other side has and we have not."""
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT i.id FROM found f JOIN payments_intent i ON i.id = f.intent_id
            WHERE f.kind = 'missing_here'""",
    )
    return [row["id"] for row in rows]


async def list_unheard_refunds(tx: Transaction) -> list[UUID]:
    """Refunds of ours that the PSP tells of and that are not made, as far as we have heard."""
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT r.id FROM booking b JOIN payments_refund r ON payments_ref(r.id) = b.ref
            WHERE b.is_refund AND NOT b.due AND r.state <> 'succeeded'""",
    )
    return [row["id"] for row in rows]


async def list_unheard_shares(tx: Transaction) -> list[tuple[bool, str]]:
    """Shares and returns of them (True) that the PSP tells of and that are not made, as far as we
    have heard, by number."""
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT b.is_refund, b.ref FROM booking b
             JOIN told t ON t.is_refund = b.is_refund AND t.ref = b.ref WHERE NOT b.due""",
    )
    return [(row["is_refund"], row["ref"]) for row in rows]


async def confirm_deemed(tx: Transaction) -> int:
    """Give payments that were only deemed booked the payee's own number; returns how many."""
    rows = await fetch_all(
        tx,
        """UPDATE payments_intent i SET fulfilment_ref = t.their_ref
             FROM booking b JOIN told t ON NOT t.is_refund AND t.ref = b.ref
            WHERE b.deemed AND NOT b.is_refund AND i.id = b.intent_id
              AND i.fulfilment_ref LIKE 'DEEMED-%' RETURNING i.id""",
    )
    return len(rows)


async def list_refuted(tx: Transaction, source: str) -> list[int]:
    """Cases of payments that were deemed booked and that the payee's statement has not."""
    rows = await fetch_all(
        tx,
        """SELECT c.id FROM found f JOIN payments_intent i ON i.id = f.intent_id
             JOIN payments_case c ON c.source = $1
              AND (c.booked_on, c.kind, c.is_refund, c.ref)
                = (f.booked_on, f.kind, f.is_refund, f.ref)
            WHERE f.kind = 'missing_there' AND i.fulfilment_ref LIKE 'DEEMED-%'
              AND c.state = ANY($2::text[])""",
        source,
        list(UNSETTLED),
    )
    return [row["id"] for row in rows]
