"""What is posted: a journal transaction of two or more entries whose sides are equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payments.ledger.accounts import Account, Side


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry to be: an amount above zero, in fen, on one side of an account."""

    account: Account
    side: Side
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal transaction to be.

    `key` is the permanent business key ("settle:<intent id>"): the ledger holds it once.
    """

    kind: str
    key: str
    legs: Sequence[Leg]
    intent_id: UUID | None = None

    def __post_init__(self) -> None:
        if any(leg.amount_fen <= 0 for leg in self.legs):
            raise ValueError("an entry's amount is above zero")
        if _total(self.legs, Side.DEBIT) != _total(self.legs, Side.CREDIT):
            raise ValueError(f"unbalanced: {self.key}")


def transfer(*, debit: Account, credit: Account, amount_fen: int) -> tuple[Leg, Leg]:
    """The two legs of the simplest posting."""
    return Leg(debit, Side.DEBIT, amount_fen), Leg(credit, Side.CREDIT, amount_fen)


def _total(legs: Sequence[Leg], side: Side) -> int:
    return sum(leg.amount_fen for leg in legs if leg.side is side)
