"""What the housing fund centre is asked about withdrawals; see docs/upstreams/housing-fund.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.upstream.operation import Request, json_of
from kinds.lookup import record_operation
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.withdrawal.domain import WithdrawalRecord

find_record = record_operation(
    CENTRE,
    "find_withdrawal_record",
    "/withdrawals/query",
    json_of(WithdrawalRecord).or_none("NO_ACCOUNT"),
)
"""None where the person has no account."""


class PayoutStatus(StrEnum):
    """PENDING: the bank has not answered yet. PAID: the money is in the card's account. RETURNED:
    it will not be paid; `reason` says why."""

    PENDING = "PENDING"
    PAID = "PAID"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True)
class Payout:
    """How the payment of a case stands at the centre."""

    status: PayoutStatus
    amount_fen: int
    receipt_no: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """What the centre is to pay; without an amount all of the balance, and the account ends."""

    case_no: str
    owner: Mapping[str, str]
    """The members that name whose account it is."""
    purpose: str
    amount_fen: int | None
    card_no: str


@CENTRE.operation("POST", "/withdrawals", answers=json_of(Payout), safe=True)
def pay_out(order: PayoutOrder) -> Request:
    """Have a withdrawal paid, once for each case: asked again it says how the payment stands."""
    return Request(
        json={
            "case_no": order.case_no,
            **order.owner,
            "purpose": order.purpose,
            "amount_fen": order.amount_fen,
            "card_no": order.card_no,
        }
    )
