"""One event told twice: by a PSP at once, and by its bill. It is posted once, and both cases end.

Who tells first does not matter: after a posting, and while the bill's case is open, the other
opens no case, unless the bill has another amount; where both are open, closing one by a posting
closes the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.database import Transaction, fetch_all, fetch_one
from payments.reconciliation.domain import UNSETTLED
from payments.reconciliation.models import Case

_SAME = """(w.source = b.source AND w.intent_id = b.intent_id AND CASE w.kind
  WHEN 'foreign_refund' THEN b.kind = 'refund' AND b.our_fen IS NULL
   AND (w.their_fen IS NULL OR w.their_ref IN (b.ref, b.their_ref))
  WHEN 'second_capture' THEN b.kind = 'duplicate' AND NOT b.is_refund
  WHEN 'other_amount' THEN b.kind = 'missing_here'
  ELSE false END)"""
"""Whether a PSP's word `w` and a line of its bill `b` are of the same event. Of refunds made by
hand a payment may have several: they are told apart by the PSP's number. Alipay tells neither its
bill's number nor the amount, only that there is one: the bill says which."""

_POSTED = """(SELECT k.kind FROM payments_correction k
   WHERE k.case_id = {case}.id AND k.state = 'approved'
   ORDER BY k.decided_at DESC, k.id DESC LIMIT 1) <> 'NO_POSTING'"""

_OMIT = f"""
DELETE FROM found f USING (SELECT $1::text AS source, g.* FROM found g) b, payments_case w
 WHERE (f.booked_on, f.kind, f.is_refund, f.ref) = (b.booked_on, b.kind, b.is_refund, b.ref)
   AND {_SAME} AND w.their_fen = b.their_fen AND {_POSTED.format(case="w")}
"""  # noqa: S608 - our own text

POSTED = f"""posted AS MATERIALIZED (
  WITH own AS (
    SELECT o.* FROM payments_case o WHERE o.source = $1 AND {_POSTED.format(case="o")}
       AND o.id IN (SELECT k.case_id FROM payments_correction k WHERE k.state = 'approved'))
  SELECT id FROM own UNION SELECT b.id FROM own w JOIN payments_case b ON {_SAME})
"""  # noqa: S608 - our own text
"""The cases of a source of whose event something is posted."""

_IS_TOLD = f"""
SELECT EXISTS (
  SELECT FROM payments_case b, (SELECT $1::text AS source, $2::uuid AS intent_id, $3::text AS kind,
                                       $4::text AS their_ref, $5::bigint AS their_fen) w
   WHERE {_SAME} AND (b.state = ANY($6::text[]) OR {_POSTED.format(case="b")})) AS told
"""  # noqa: S608 - our own text

_TWINS = f"""
SELECT o.id FROM payments_case c JOIN payments_case o
    ON o.source = c.source AND o.intent_id = c.intent_id AND o.id <> c.id
 WHERE c.id = $1 AND (EXISTS (SELECT FROM (SELECT c.*) w, (SELECT o.*) b WHERE {_SAME})
                   OR EXISTS (SELECT FROM (SELECT o.*) w, (SELECT c.*) b WHERE {_SAME}))
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class Word:
    """What a PSP tells of a payment at once."""

    source: str
    intent_id: UUID | None
    kind: str
    their_ref: str | None
    their_fen: int | None


async def omit_posted(tx: Transaction, source: str) -> None:
    """Take out of `found` what the PSP told before its bill did, and is posted."""
    await tx.execute_query(_OMIT, [source])


async def is_told(tx: Transaction, word: Word) -> bool:
    """Whether the bill has told of it before, and it is posted or people look at it."""
    row = await fetch_one(
        tx,
        _IS_TOLD,
        *(word.source, word.intent_id, word.kind, word.their_ref, word.their_fen),
        list(UNSETTLED),
    )
    assert row is not None
    return bool(row["told"])


async def lock_with_twins(tx: Transaction, case_id: int) -> Sequence[Case]:
    """A case and those of the same event, locked until `tx` ends; the case is the first.

    Empty where there is no such case.
    """
    ids = [case_id, *(row["id"] for row in await fetch_all(tx, _TWINS, case_id))]
    rows = await Case.filter(id__in=ids).using_db(tx).order_by("id").select_for_update()
    return sorted(rows, key=lambda case: case.id != case_id)
