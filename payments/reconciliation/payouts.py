"""What a payee is paid out for a day: accepted payments less what was taken back, less the fee.

A payment belongs to the day of its acceptance, and so does whatever of it is refunded before that
day is paid out. After that the payee's account holds none of its money any more: the refund is a
claim on the payee, which later payouts set off. Payouts and refunds of one payee take turns by a
lock, so a refund is in exactly one of the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one, transaction
from core.errors import Conflict
from core.ids import new_id
from core.money import portion_bps
from payments.domain import Side as Teller
from payments.ledger import store as ledger
from payments.ledger.accounts import (
    Side,
    fees_from,
    payee_claim,
    payee_payable,
    settled_out,
)
from payments.ledger.payee_turns import lock_payouts
from payments.ledger.postings import Leg, Posting
from payments.reconciliation import cases, texts
from payments.reconciliation.fees import Fees, fees
from payments.reconciliation.matching import day_bounds
from payments.reconciliation.models import Payout
from payments.reconciliation.sources import get_sources

_OWED = """
WITH account AS (SELECT id FROM payments_account WHERE code = $1),
passed AS (
  SELECT j.intent_id, e.amount_fen FROM payments_journal j
    JOIN payments_entry e ON e.journal_id = j.id AND e.account_id = (SELECT id FROM account)
   WHERE j.kind = 'fulfil' AND j.posted_at >= $2 AND j.posted_at < $3)
SELECT (SELECT count(*) FROM passed)::int AS payments,
       (SELECT coalesce(sum(amount_fen), 0) FROM passed)::bigint AS fulfilled_fen,
       (SELECT coalesce(sum(e.amount_fen), 0) FROM passed p
          JOIN payments_journal j
            ON j.intent_id = p.intent_id AND j.kind IN ('reverse', 'correct')
          JOIN payments_entry e ON e.journal_id = j.id
           AND e.account_id = (SELECT id FROM account))::bigint AS reversed_fen
"""

_STANDS_IN = """
SELECT DISTINCT i.psp, payments_day(i.paid_at) AS day
  FROM payments_journal j JOIN payments_intent i ON i.id = j.intent_id
 WHERE j.kind = 'fulfil' AND i.payee = $1 AND i.psp = ANY($2::text[])
   AND i.merchant IS NULL
   AND j.posted_at >= $3 AND j.posted_at < $4
"""

_PAYEES = """
SELECT DISTINCT i.payee FROM payments_journal j JOIN payments_intent i ON i.id = j.intent_id
 WHERE j.kind = 'fulfil' AND j.posted_at >= $1 AND j.posted_at < $2 AND i.merchant IS NULL
 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a payee's day comes to, in fen; the payee is paid `amount_fen`."""

    payments: int
    fulfilled_fen: int
    reversed_fen: int
    claimed_fen: int
    fee_fen: int

    @property
    def left_fen(self) -> int:
        """What of the day is still in the payee's account."""
        return self.fulfilled_fen - self.reversed_fen

    @property
    def amount_fen(self) -> int:
        """What is paid out."""
        return self.left_fen - self.claimed_fen - self.fee_fen


async def list_payees(on: date) -> list[str]:
    """Everybody who accepted a payment on a day that is ours to pay out."""
    return [row["payee"] for row in await fetch_all(connection(), _PAYEES, *day_bounds(on))]


async def pay_out(app: App, payee: str, on: date, rates: Fees | None = None) -> Payout:
    """Post and instruct what a payee is owed for a day. Repeat-safe: one payout a payee and day.

    Raises Conflict NOT_RECONCILED while a statement that its payments stand in is missing, or the
    day is not over, OPEN_BREAKS while a difference leaves the amount open; then nothing was done.
    """
    async with transaction() as tx:
        await lock_payouts(tx, payee)
        known = await Payout.filter(payee=payee, settled_on=on).using_db(tx).first()
        if known is not None:
            return known
        if await cases.is_blocked(tx, payee, on):
            raise Conflict(texts.OPEN_BREAKS)
        if on >= civil_date(app.clock.now()) or not await _is_reconciled(app, tx, payee, on):
            raise Conflict(texts.NOT_RECONCILED)
        owed = await _owed(tx, payee, on, rates or fees())
        return await _instruct(app, tx, payee, on, owed)


async def _owed(tx: Transaction, payee: str, on: date, rates: Fees) -> Owed:
    row = await fetch_one(tx, _OWED, payee_payable(payee).code, *day_bounds(on))
    assert row is not None
    left_fen = row["fulfilled_fen"] - row["reversed_fen"]
    fee_fen = portion_bps(left_fen, rates.payee_bps(payee, on))
    claim = await ledger.get_balance(payee_claim(payee))
    return Owed(claimed_fen=min(claim.balance_fen, left_fen - fee_fen), fee_fen=fee_fen, **row)


async def _instruct(app: App, tx: Transaction, payee: str, on: date, owed: Owed) -> Payout:
    now, journal_id = app.clock.now(), None
    if owed.left_fen:
        posting = Posting(kind="payout", key=f"payout:{payee}:{on}", legs=_legs(payee, owed))
        journal_id = await ledger.post(tx, posting, now)
    return await Payout.create(
        using_db=tx,
        id=new_id(),
        payee=payee,
        settled_on=on,
        payments=owed.payments,
        fulfilled_fen=owed.fulfilled_fen,
        reversed_fen=owed.reversed_fen,
        claimed_fen=owed.claimed_fen,
        fee_fen=owed.fee_fen,
        amount_fen=owed.amount_fen,
        journal_id=journal_id,
        instructed_at=now,
    )


def _legs(payee: str, owed: Owed) -> Sequence[Leg]:
    credits = (
        (payee_claim(payee), owed.claimed_fen),
        (fees_from(payee), owed.fee_fen),
        (settled_out(payee), owed.amount_fen),
    )
    return [
        Leg(payee_payable(payee), Side.DEBIT, owed.left_fen),
        *(Leg(account, Side.CREDIT, amount_fen) for account, amount_fen in credits if amount_fen),
    ]


async def _is_reconciled(app: App, tx: Transaction, payee: str, on: date) -> bool:
    """Whether what the payee's payments stand in is compared: its own statement, where it sends
    one, and those of the PSPs that took them, of the days on which they did.

    A statement that cannot be read stops nobody whose payments are not in it.
    """
    sources = get_sources(app)
    psps = [source.name for source in sources if source.side is Teller.PSP]
    rows = await fetch_all(tx, _STANDS_IN, payee, psps, *day_bounds(on))
    needed = {(row["psp"], row["day"]) for row in rows}
    needed |= {(source.name, on) for source in sources if source.name == payee}
    rows = await fetch_all(
        tx,
        "SELECT source, booked_on FROM payments_statement WHERE booked_on = ANY($1::date[])",
        list({day for _, day in needed}),
    )
    return needed <= {(row["source"], row["booked_on"]) for row in rows}
