"""Payouts and refunds of one payee take turns, so that a refund is in exactly one of the two."""

from uuid import UUID

from core.database import Transaction, fetch_one, lock_name
from payments.ledger.accounts import Account, payee_claim, payee_payable

_IS_SETTLED = """
SELECT EXISTS (
  SELECT FROM payments_journal j JOIN payments_payout p
      ON p.payee = $2 AND p.settled_on = payments_day(j.posted_at)
   WHERE j.key = $1) AS settled
"""

_IS_TAKEN_BACK = """
SELECT EXISTS (
  SELECT FROM payments_journal j JOIN payments_entry e ON e.journal_id = j.id
    JOIN payments_account a ON a.id = e.account_id
   WHERE j.intent_id = $1 AND j.kind = 'correct' AND e.side = 'D' AND a.code IN ($2, $3)) AS taken
"""


async def lock_payouts(tx: Transaction, payee: str) -> None:
    """Hold a payee's account for a payout until the transaction ends."""
    await lock_name(tx, _turn(payee))


async def account_to_reverse(tx: Transaction, intent_id: UUID, payee: str) -> Account:
    """Where the amount of a refund is taken from: the payee's account, or a claim on the payee.

    Holds back payouts to the payee, not other refunds, until the transaction ends.
    """
    await lock_name(tx, _turn(payee), shared=True)
    row = await fetch_one(tx, _IS_SETTLED, f"fulfil:{intent_id}", payee)
    assert row is not None
    return payee_claim(payee) if row["settled"] else payee_payable(payee)


async def is_taken_back(tx: Transaction, intent_id: UUID, payee: str) -> bool:
    """Whether a payment was taken back from its payee, since no PSP ever had the money: nothing of
    it is left to be refunded."""
    accounts = payee_payable(payee).code, payee_claim(payee).code
    row = await fetch_one(tx, _IS_TAKEN_BACK, intent_id, *accounts)
    assert row is not None
    return bool(row["taken"])


def _turn(payee: str) -> str:
    return f"payments.payout:{payee}"
