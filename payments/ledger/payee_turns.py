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


def _turn(payee: str) -> str:
    return f"payments.payout:{payee}"
