"""What must hold of the books after everything, whatever happened before."""

from core.database import connection, fetch_all, fetch_one
from payments.domain import STATUS, PaymentStatus
from payments.ledger import store as ledger
from payments.ledger.accounts import payee_payable, psp_receivable
from payments.models import Intent
from payments.psp.port import OrderState, RefundState
from tests.payments.world import World

_FAILED = {PaymentStatus.EXPIRED, PaymentStatus.REJECTED}


async def check_books(world: World) -> None:
    """Σ entries = 0, balances follow from entries, each payment's money is in one place."""
    await _entries_balance()
    for intent in await Intent.all():
        await _money_is_in_one_place(intent)
    await _outside_agrees(world)


async def check_ended(world: World) -> None:
    """Nothing is under way any more, and nothing is left in a payer's account."""
    await check_books(world)
    for intent in await Intent.all():
        assert intent.due_at is None, (intent.state, intent.id)
        assert intent.state in {
            "fulfilled", "expired", "rejected", "refunded", "partly_refunded"
        }, intent.state  # fmt: skip
        order = world.psp.orders.get(intent.id)
        if order is not None and order.state is OrderState.PAID:
            assert STATUS[intent.state] not in _FAILED
        booked = intent.id.hex in world.billers.write_offs
        assert (intent.fulfilment_ref is not None) == booked, intent.state
    left = await fetch_one(
        connection(),
        """SELECT coalesce(sum(b.credit_fen - b.debit_fen), 0)::bigint AS fen
             FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code LIKE 'payer:%'""",
    )
    assert left == {"fen": 0}


async def _entries_balance() -> None:
    row = await fetch_one(
        connection(),
        """SELECT coalesce(sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END), 0)::bigint
                  AS difference FROM payments_entry""",
    )
    assert row == {"difference": 0}
    differing = await fetch_all(
        connection(),
        """SELECT account_id FROM (
             SELECT account_id, sum(debit_fen) AS d, sum(credit_fen) AS c FROM payments_balance
              GROUP BY 1) b
           FULL JOIN (
             SELECT account_id, coalesce(sum(amount_fen) FILTER (WHERE side = 'D'), 0) AS d,
                    coalesce(sum(amount_fen) FILTER (WHERE side = 'C'), 0) AS c
               FROM payments_entry GROUP BY 1) e USING (account_id)
           WHERE (b.d, b.c) IS DISTINCT FROM (e.d, e.c)""",
    )
    assert differing == []


async def _money_is_in_one_place(intent: Intent) -> None:
    """By the entries of this intent alone: captured = with payer + with payee + returned."""
    rows = await fetch_all(
        connection(),
        """SELECT split_part(a.code, ':', 1) AS place,
                  sum(CASE e.side WHEN a.normal THEN e.amount_fen ELSE -e.amount_fen END)::bigint
                  AS fen
             FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
             JOIN payments_account a ON a.id = e.account_id
            WHERE j.intent_id = $1 GROUP BY 1""",
        intent.id,
    )
    fen = {row["place"]: row["fen"] for row in rows}
    returned = intent.refunded_fen
    assert fen.get("psp", 0) == intent.captured_fen - returned
    assert fen.get("payer", 0) + fen.get("payee", 0) == intent.captured_fen - returned
    assert fen.get("payer", 0) >= 0 and fen.get("payee", 0) >= 0
    if intent.state == "fulfilled":
        assert fen["payer"] == 0
    if STATUS[intent.state] in _FAILED:
        assert intent.captured_fen == 0


async def _outside_agrees(world: World) -> None:
    """What we booked never exceeds what the PSP took; what we owe billers they have booked."""
    taken = sum(
        o.order.amount_fen - o.refunded_fen
        for o in world.psp.orders.values()
        if o.state is OrderState.PAID
    )
    returning = sum(
        r.refund.amount_fen
        for r in world.psp.refunds.values()
        if r.state in (RefundState.PROCESSING, RefundState.SUCCEEDED)
    )
    assert (await ledger.get_balance(psp_receivable("wechatpay"))).balance_fen <= taken + returning
    written = sum(
        world.billers.bills[bill_no].total_fen for bill_no, _ in world.billers.write_offs.values()
    )
    assert (await ledger.get_balance(payee_payable("water"))).balance_fen <= written
