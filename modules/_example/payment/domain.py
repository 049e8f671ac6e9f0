"""What is to be paid."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

SERVICE = "example-payment"
KIND = "example_payment"
"""The payable's name."""


@dataclass(frozen=True, slots=True)
class ExamplePaymentDue:
    """An unpaid bill of the viewer's."""

    bill_no: Annotated[str, "The payee's number of the bill, for paying it."]
    amount_fen: Annotated[int, "What is due."]
    due_on: Annotated[date, "The last day to pay it."]
