"""The chart of accounts: every kind of account the ledger may hold, and what its balance means.

Debit-normal accounts are what others owe us or what we spent, credit-normal accounts are what we
owe. A guarded account never falls below zero. A sharded account keeps its totals in several rows,
so that thousands of postings a second to one biller do not queue for one row. The database has the
same chart (payments_chart) and decides by it; `quancheng ledger verify` compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

MAIN_ACCOUNT = "main"
"""The name of our account at the bank."""
BANK = "bank"
"""The bank as a source of statements and differences."""
SHARDS = 32
"""Rows of totals of a busy account; each database connection works on its own."""


class Side(StrEnum):
    """The two sides of an account."""

    DEBIT = "D"
    CREDIT = "C"


@dataclass(frozen=True, slots=True)
class AccountKind:
    """What holds of every account whose code begins with a kind's name and a colon."""

    normal: Side
    guarded: bool = False
    shards: int = 1


CHART: Mapping[str, AccountKind] = {
    "psp": AccountKind(Side.DEBIT, shards=SHARDS),
    "payer": AccountKind(Side.CREDIT, guarded=True),
    "payee": AccountKind(Side.CREDIT, guarded=True, shards=SHARDS),
    "claim": AccountKind(Side.DEBIT, guarded=True),
    "settled": AccountKind(Side.CREDIT, guarded=True),
    "fees": AccountKind(Side.CREDIT),
    "bank": AccountKind(Side.DEBIT),
    "cost": AccountKind(Side.DEBIT),
    "difference": AccountKind(Side.DEBIT),
    "suspense": AccountKind(Side.CREDIT, guarded=True),
    "loans": AccountKind(Side.DEBIT, guarded=True, shards=SHARDS),
    "lender": AccountKind(Side.CREDIT, shards=SHARDS),
    "yield": AccountKind(Side.CREDIT, shards=SHARDS),
    "loss": AccountKind(Side.DEBIT),
}


@dataclass(frozen=True, slots=True)
class Account:
    """An account by its code. It comes into being with its first entry."""

    code: str

    @property
    def normal(self) -> Side:
        """The side on which its balance stands. Raises KeyError for a kind the chart has not."""
        return CHART[self.code.partition(":")[0]].normal


def psp_receivable(psp: str) -> Account:
    """What a PSP has taken from payers for us and not yet paid out."""
    return Account(f"psp:{psp}")


def payer_funds(payer_id: UUID) -> Account:
    """A payer's money in our care: paid and neither passed on nor returned. Never negative."""
    return Account(f"payer:{payer_id}")


def payee_payable(payee: str) -> Account:
    """What we owe a biller, hospital or car park for payments it has accepted. Never negative."""
    return Account(f"payee:{payee}")


def payee_claim(payee: str) -> Account:
    """What a payee owes us: refunds of payments that it had been paid out. Never negative."""
    return Account(f"claim:{payee}")


def settled_out(payee: str) -> Account:
    """What we have instructed to be paid to a payee, less what the bank has confirmed."""
    return Account(f"settled:{payee}")


def fees_from(payee: str) -> Account:
    """What payees have borne of the cost of being paid."""
    return Account(f"fees:{payee}")


def bank_account(name: str) -> Account:
    """Our money at a bank."""
    return Account(f"bank:{name}")


def cost_of(psp: str) -> Account:
    """What a PSP has kept for its work."""
    return Account(f"cost:{psp}")


def difference_with(source: str) -> Account:
    """What was written off of differences with a PSP or payee; a balance to its debit is a loss."""
    return Account(f"difference:{source}")


def suspense_of(source: str) -> Account:
    """Money that a PSP or payee books for us and no payment explains yet. Never negative."""
    return Account(f"suspense:{source}")


def loans_of(lender: str) -> Account:
    """The principal that a lender has out with borrowers. Never negative."""
    return Account(f"loans:{lender}")


def lender_funds(lender: str) -> Account:
    """What a lender has paid out to borrowers, less all that it got back."""
    return Account(f"lender:{lender}")


def loan_income(lender: str) -> Account:
    """What a lender has received beyond principal."""
    return Account(f"yield:{lender}")


def loan_loss(lender: str) -> Account:
    """What a lender has written off."""
    return Account(f"loss:{lender}")
