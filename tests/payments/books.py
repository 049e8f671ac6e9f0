"""What must hold of the books after everything, whatever happened before."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from core.database import connection, fetch_all, fetch_one
from payments.domain import STATUS, PaymentStatus
from payments.models import Intent
from payments.psp.port import OrderState, RefundState
from payments.sharing.domain import share_of
from tests.payments.fake_sharing import FakeSharing
from tests.payments.payees import DEEMED, DEEMED_PLUS, FakePayees
from tests.payments.world import World

_FAILED = {PaymentStatus.EXPIRED, PaymentStatus.REJECTED}
_ENDED = {"fulfilled", "expired", "rejected", "refunded", "partly_refunded"}

_TOTALS = """
SELECT (SELECT coalesce(sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END), 0)::bigint
          FROM payments_entry) AS difference,
       ARRAY(
         SELECT account_id FROM (
           SELECT account_id, sum(debit_fen) AS d, sum(credit_fen) AS c, sum(held_fen) AS h
             FROM payments_balance GROUP BY 1) b
         FULL JOIN (
           SELECT account_id, coalesce(sum(amount_fen) FILTER (WHERE side = 'D'), 0) AS d,
                  coalesce(sum(amount_fen) FILTER (WHERE side = 'C'), 0) AS c
             FROM payments_entry GROUP BY 1) e USING (account_id)
         LEFT JOIN (
           SELECT account_id, sum(amount_fen) AS h
             FROM payments_hold WHERE state = 'pending' GROUP BY 1) p USING (account_id)
         WHERE (b.d, b.c, b.h) IS DISTINCT FROM (e.d, e.c, coalesce(p.h, 0))) AS differing
"""

_INTENTS = """
SELECT i.id, i.kind, i.merchant, i.fulfilment_ref IS NOT NULL AS passed, i.state,
       i.amount_fen, i.captured_fen, i.refunded_fen, i.refunding_fen,
       coalesce(l.psp, 0) AS psp_fen, coalesce(l.payer, 0) AS payer_fen,
       coalesce(l.payee, 0) AS payee_fen, coalesce(r.open, 0) AS open_fen,
       coalesce(r.done, 0) AS done_fen, coalesce(r.held, 0) AS held_fen
  FROM payments_intent i
  LEFT JOIN LATERAL (
    SELECT sum(fen) FILTER (WHERE code LIKE 'psp:%')::bigint AS psp,
           sum(fen) FILTER (WHERE code LIKE 'payer:%')::bigint AS payer,
           sum(CASE WHEN code LIKE 'claim:%' THEN -fen ELSE fen END)
             FILTER (WHERE code LIKE 'payee:%' OR code LIKE 'claim:%')::bigint AS payee
      FROM (SELECT a.code,
                   CASE e.side WHEN a.normal THEN e.amount_fen ELSE -e.amount_fen END AS fen
              FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
              JOIN payments_account a ON a.id = e.account_id
             WHERE j.intent_id = i.id AND j.kind NOT IN ('share', 'share_return')) moved) l ON true
  LEFT JOIN LATERAL (
    SELECT sum(f.amount_fen) FILTER (WHERE f.state <> 'succeeded')::bigint AS open,
           sum(f.amount_fen) FILTER (WHERE f.state = 'succeeded')::bigint AS done,
           sum(h.amount_fen) FILTER (WHERE h.state = 'pending')::bigint AS held
      FROM payments_refund f JOIN payments_hold h ON h.id = f.hold_id
     WHERE f.intent_id = i.id) r ON true
 WHERE $1::uuid[] IS NULL OR i.payer_id = ANY($1)
"""

_SHARES = """
SELECT i.id, i.amount_fen, i.captured_fen, i.refunded_fen, i.share_bps, s.state, s.due_at,
       coalesce(l.booked, 0) AS booked_fen, coalesce(l.back, 0) AS back_fen
  FROM payments_intent i LEFT JOIN payments_share s ON s.id = i.id
  LEFT JOIN LATERAL (
    SELECT sum(e.amount_fen) FILTER (WHERE j.kind = 'share' AND e.side = 'D')::bigint AS booked,
           sum(e.amount_fen) FILTER (WHERE j.kind = 'share_return' AND e.side = 'C')::bigint AS back
      FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
      JOIN payments_account a ON a.id = e.account_id AND a.code = 'psp:wechatpay'
     WHERE j.intent_id = i.id AND j.kind IN ('share', 'share_return')) l ON true
 WHERE i.merchant IS NOT NULL AND ($1::uuid[] IS NULL OR i.payer_id = ANY($1))
"""

_LIMITS = """
WITH counted AS (
  SELECT concat_ws(':', rule, payer_id, (created_at AT TIME ZONE 'Asia/Shanghai')::date) AS key,
         sum(CASE WHEN state IN ('expired', 'rejected') OR refusal IS NOT NULL THEN 0
                  ELSE amount_fen END) AS fen
    FROM payments_intent
   CROSS JOIN (VALUES ('person-day', '%'), ('bills-day', 'bills.%')) AS r (rule, kinds)
   WHERE kind LIKE kinds AND ($1::uuid[] IS NULL OR payer_id = ANY($1)) GROUP BY 1)
SELECT key, counted.fen, u.used_fen FROM counted LEFT JOIN payments_usage u USING (key)
 WHERE counted.fen IS DISTINCT FROM u.used_fen
"""


_PARTS = """
SELECT kind, subject_ref, max(owed_fen) AS owed_fen FROM payments_intent
 WHERE owed_fen IS NOT NULL AND ($1::uuid[] IS NULL OR payer_id = ANY($1))
 GROUP BY 1, 2 HAVING max(owed_fen) < sum(amount_fen) FILTER (
   WHERE fulfilment_ref IS NOT NULL OR state IN ('created', 'order_unknown', 'awaiting', 'leaving',
                                                 'closing', 'paid', 'fulfilment_unknown'))
"""


async def check_books(
    world: World, payers: Sequence[UUID] | None = None, payees: FakePayees | None = None
) -> None:
    """Σ entries = 0, totals follow from entries and holds, each payment's money is in one place,
    limits are counted to the fen, the parts of a bill that are under way or passed on are no more
    than was ever open, and nobody outside was paid or charged beyond what is booked.

    `payers`: look at their payments alone; the totals are always all.
    """
    totals = await fetch_one(connection(), _TOTALS)
    assert totals == {"difference": 0, "differing": []}, "totals"
    intents = await fetch_all(connection(), _INTENTS, payers)
    returned = _returned(world)
    for intent in intents:
        _money_is_in_one_place(intent)
        _outside_agrees(world, intent, returned.get(intent["id"], 0), payees)
    for row in await fetch_all(connection(), _SHARES, payers):
        _share_agrees(world.sharing, row)
    miscounted = await fetch_all(connection(), _LIMITS, payers)
    assert miscounted == [], "limits"
    assert await fetch_all(connection(), _PARTS, payers) == [], "parts"


async def check_ended(
    world: World, payers: Sequence[UUID] | None = None, payees: FakePayees | None = None
) -> None:
    """Nothing is under way any more, and nothing is left in a payer's account, or at the PSP of
    payees' own merchants."""
    await check_books(world, payers, payees)
    intents = await (Intent.all() if payers is None else Intent.filter(payer_id__in=payers))
    for intent in intents:
        order = world.order(intent.id)
        if order is not None and order.state is OrderState.PAID:
            assert STATUS[intent.state] not in _FAILED
            assert intent.captured_fen == order.order.amount_fen, ("captured", intent.id)
            assert intent.refunded_fen == order.refunded_fen, ("returned", intent.id)
        assert intent.due_at is None, ("at rest", intent.state, intent.id)
        assert intent.state in _ENDED, ("at rest", intent.state, intent.id)
        _told_the_payee(world, intent, payees)
    for row in await fetch_all(connection(), _SHARES, payers):
        _share_has_ended(world.sharing, row)
    left = await fetch_one(
        connection(),
        """SELECT coalesce(sum(b.credit_fen - b.debit_fen), 0)::bigint AS fen
             FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code LIKE 'payer:%' OR a.code = 'psp:wechatpay_sp'""",
    )
    assert left == {"fen": 0}


def _money_is_in_one_place(intent: Mapping[str, Any]) -> None:
    """By the entries of this intent alone: captured = with payer + with payee + returned."""
    kept = intent["captured_fen"] - intent["refunded_fen"]
    if intent["merchant"] is not None:  # once it is passed on, all of it is at its payee
        kept = intent["refunding_fen"] if intent["passed"] else kept
        assert intent["payee_fen"] == 0, ("in one place", intent)
    assert intent["psp_fen"] == kept, ("captured", intent)
    assert intent["payer_fen"] + intent["payee_fen"] == kept, ("in one place", intent)
    assert intent["payer_fen"] >= 0 and intent["payee_fen"] >= 0, intent
    assert intent["captured_fen"] in (0, intent["amount_fen"]), intent
    # what is on its way back is set aside, once
    assert intent["refunding_fen"] == intent["open_fen"] == intent["held_fen"], intent
    assert intent["refunded_fen"] == intent["done_fen"], intent
    if intent["state"] in ("fulfilled", "partly_refunded"):
        assert intent["payer_fen"] == 0, intent
    if STATUS[intent["state"]] in _FAILED:
        assert intent["captured_fen"] == 0, intent


def _share_agrees(sharing: FakeSharing, row: Mapping[str, Any]) -> None:
    """Nothing of a share is booked, or given back, that the PSP has not moved; no refund has come
    before its part of the share."""
    assert row["booked_fen"] <= sharing.share_fen(row["id"]), ("shares", row)
    assert row["back_fen"] <= sharing.returned_fen(row["id"]), ("shares", row)
    assert row["id"] not in sharing.overdrawn, ("shares", row)


def _share_has_ended(sharing: FakeSharing, row: Mapping[str, Any]) -> None:
    """What the city has is what the PSP has shared and not taken back: its part of what the payer
    has not got back; the rest is the payee's."""
    net_fen = row["booked_fen"] - row["back_fen"]
    kept_fen = row["captured_fen"] - row["refunded_fen"]
    moved_fen = sharing.share_fen(row["id"]) - sharing.returned_fen(row["id"])
    assert net_fen == moved_fen, ("shares", row)
    assert sharing.received_fen(row["id"]) + net_fen == kept_fen, ("shares", row)
    if row["state"] == "succeeded":
        assert net_fen == share_of(kept_fen, row["share_bps"]), ("shares", row)
    else:
        assert net_fen == 0 and row["state"] in (None, "closed", "released"), ("shares", row)
    is_let_go = row["id"] in sharing.let_go or kept_fen == 0
    assert row["state"] != "released" or is_let_go, ("shares", row)
    assert row["due_at"] is None, ("shares", row)


def _outside_agrees(
    world: World, intent: Mapping[str, Any], returned_fen: int, payees: FakePayees | None
) -> None:
    """What we booked, the PSP took or returned and the payee booked; never more than that."""
    order = world.order(intent["id"])
    taken_fen = 0
    if order is not None and order.state is OrderState.PAID:
        taken_fen = order.order.amount_fen
    assert intent["captured_fen"] <= taken_fen, ("taken", intent)
    assert intent["refunded_fen"] <= returned_fen <= taken_fen, ("returned", intent)
    booked = _booked(world, intent["kind"], payees)
    has_it = intent["payee_fen"] > 0 or (intent["merchant"] is not None and intent["passed"])
    if booked is not None and has_it and intent["kind"] != DEEMED.kind:
        assert intent["id"].hex in booked, intent


def _told_the_payee(world: World, intent: Intent, payees: FakePayees | None) -> None:
    """At rest the payee has booked exactly what we say; two ways of posting know exceptions."""
    booked = _booked(world, intent.kind, payees)
    if booked is None or (intent.fulfilment_ref or "").startswith("DEEMED-"):
        return
    if intent.kind == DEEMED_PLUS.kind and intent.refusal == "NOT_POSTED":
        return  # it may have booked what it never confirmed: the settlement files will tell
    told = intent.fulfilment_ref is not None
    assert told == (intent.id.hex in booked), ("payee told", intent.kind, intent.state)


def _booked(world: World, kind: str, payees: FakePayees | None) -> Collection[str] | None:
    """The payments that the payee of a kind has booked; None where it keeps no books."""
    if kind.startswith("bills."):
        return world.billers.write_offs.keys()
    return None if payees is None else payees.booked.keys()


def _returned(world: World) -> Mapping[UUID, int]:
    """What the PSPs have returned, by intent."""
    returned: dict[UUID, int] = {}
    for done in (refund for psp in world.psps for refund in psp.refunds.values()):
        if done.state is RefundState.SUCCEEDED:
            intent_id = done.refund.intent_id
            returned[intent_id] = returned.get(intent_id, 0) + done.refund.amount_fen
    return returned
