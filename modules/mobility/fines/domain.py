"""Traffic violations and the orders to pay their fines."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from core.ids import OutsideNo
from core.money import AmountFen

KIND = "mobility.fine"
"""The payable's name."""


class FineStatus(StrEnum):
    """UNCONFIRMED: not accepted yet, nothing can be paid. UNPAID: accepted, to be paid. SETTLED:
    paid. WITHDRAWN: taken back by the authority.
    """

    UNCONFIRMED = "UNCONFIRMED"
    UNPAID = "UNPAID"
    SETTLED = "SETTLED"
    WITHDRAWN = "WITHDRAWN"


AFTER_REFUSAL = {
    "ALREADY_PAID": FineStatus.SETTLED,
    "ORDER_WITHDRAWN": FineStatus.WITHDRAWN,
}
"""What a refused payment tells of the order."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation as the traffic police tell it; the order's number once it is accepted."""

    violation_no: OutsideNo
    plate: str
    committed_at: AwareDatetime
    place_zh: str
    place_en: str
    offence_code: str
    offence_zh: str
    offence_en: str
    points: Annotated[int, Field(ge=0)]
    fine_fen: AmountFen
    status: FineStatus
    decision_no: str | None
    order_no: OutsideNo | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order to pay, as the non-tax revenue platform tells it today.

    The platform alone knows the rule of the late surcharge; `total_fen` is what has to be paid.
    """

    order_no: OutsideNo
    violation_no: OutsideNo
    amount_fen: AmountFen
    late_fee_fen: AmountFen
    total_fen: AmountFen
    due_on: date
    status: FineStatus
