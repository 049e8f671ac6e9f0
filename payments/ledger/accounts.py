"""The chart of accounts: every account the ledger may hold, and what its balance means.

Debit-normal accounts are what others owe us or what we spent, credit-normal accounts are what we
owe. A guarded account never falls below zero. A sharded account keeps its totals in several rows,
so that thousands of postings a second to one biller do not queue for one row.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

SHARDS = 32
"""Rows of totals of a busy account; each database connection works on its own."""


class Side(StrEnum):
    """The two sides of an account."""

    DEBIT = "D"
    CREDIT = "C"


@dataclass(frozen=True, slots=True)
class Account:
    """An account by its code. It comes into being with its first entry."""

    code: str
    normal: Side
    guarded: bool = False
    shards: int = 1


def psp_receivable(psp: str) -> Account:
    """What a PSP has taken from payers for us and not yet paid out."""
    return Account(f"psp:{psp}", Side.DEBIT, shards=SHARDS)


def payer_funds(payer_id: UUID) -> Account:
    """A payer's money in our care: paid and neither passed on nor returned. Never negative."""
    return Account(f"payer:{payer_id}", Side.CREDIT, guarded=True)


def payee_payable(payee: str) -> Account:
    """What we owe a biller, hospital or car park for payments it has accepted. Never negative."""
    return Account(f"payee:{payee}", Side.CREDIT, guarded=True, shards=SHARDS)


def payee_claim(payee: str) -> Account:
    """What a payee owes us: refunds of payments that it had been paid out. Never negative."""
    return Account(f"claim:{payee}", Side.DEBIT, guarded=True)


def settled_out(payee: str) -> Account:
    """What we have instructed to be paid to a payee, less what the bank has confirmed."""
    return Account(f"settled:{payee}", Side.CREDIT, guarded=True)


def fees_from(payee: str) -> Account:
    """What payees have borne of the cost of being paid."""
    return Account(f"fees:{payee}", Side.CREDIT)
