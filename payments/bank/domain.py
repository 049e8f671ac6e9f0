"""The life of a payout on its way to the payee's account, and what a booking of the bank is for."""

from enum import StrEnum
from uuid import UUID

from core.states import Edge, StateMachine

TRANSFER = StateMachine(
    name="transfer",
    table="payments_transfer",
    column="state",
    initial=("due",),
    edges=(
        Edge("due", "order", "ordered"),
        Edge("ordered", "refuse", "refused"),
        Edge("ordered", "book", "paid"),
        Edge("refused", "book", "paid"),
        Edge("refused", "renew", "due"),
        Edge("paid", "return", "returned"),
        Edge("returned", "renew", "due"),
    ),
)
"""Only the bank's statement says that one is paid, or has come back."""


class EntryKind(StrEnum):
    """What a booking is for: a PSP settles to us, a payout is paid, a payout comes back, the bank
    charges us; or nobody knows yet, and it is a case."""

    SETTLEMENT = "settlement"
    TRANSFER = "transfer"
    RETURN = "return"
    CHARGE = "charge"
    UNEXPLAINED = "unexplained"


def end_to_end(transfer_id: UUID, tries: int) -> str:
    """The number that a transfer's n-th order bears at the bank, within its 35 characters."""
    return f"{transfer_id.hex}-{tries}"


def transfer_of(number: str) -> UUID | None:
    """The transfer that an end-to-end number names, if it is one of ours."""
    plain, mark, tries = number.partition("-")
    if not mark or not tries.isdigit() or len(plain) != 32:
        return None
    try:
        return UUID(hex=plain)
    except ValueError:
        return None
