"""Payouts and refunds of one payee take turns, so that a refund is in exactly one of the two."""

from core.database import Transaction, fetch_one, lock_name
from payments.ledger.accounts import Account, payee_claim, payee_payable, psp_receivable
from payments.models import Intent

_IS_SETTLED = """
SELECT EXISTS (
  SELECT FROM payments_journal j JOIN payments_payout p
      ON p.payee = $2 AND p.settled_on = payments_day(j.posted_at)
   WHERE j.key = $1) AS settled
"""


async def lock_payouts(tx: Transaction, payee: str) -> None:
    """Hold a payee's account for a payout until the transaction ends."""
    await lock_name(tx, _turn(payee))


def account_to_fulfil(intent: Intent) -> Account:
    """Where a payment stands once its payee has accepted it: in the payee's account with us; or
    nowhere, since the payee's own merchant has it and the PSP owes us nothing."""
    if intent.merchant is not None:
        return psp_receivable(intent.psp)
    return payee_payable(intent.payee)


async def account_to_reverse(tx: Transaction, intent: Intent) -> Account:
    """Where a refund of an accepted payment is taken from: the payee's account, or a claim on the
    payee; of a payee's own merchant the same way back.

    Holds back payouts to the payee, not other refunds, until the transaction ends.
    """
    if intent.merchant is not None:
        return psp_receivable(intent.psp)
    await lock_name(tx, _turn(intent.payee), shared=True)
    row = await fetch_one(tx, _IS_SETTLED, f"fulfil:{intent.id}", intent.payee)
    assert row is not None
    return payee_claim(intent.payee) if row["settled"] else payee_payable(intent.payee)


def _turn(payee: str) -> str:
    return f"payments.payout:{payee}"
