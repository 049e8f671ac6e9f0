"""The door of payments.

A paying service gives a `Payable` to the extension point `PAYABLES`, calls `create_intent` in its
own transaction and `present` after it; events tell it how the payment ended.
"""

from payments.domain import PaymentMethod
from payments.graphql import Method, Payment, to_payment
from payments.payable import (
    PAYABLES,
    Accepted,
    Fulfilment,
    NotYet,
    Paid,
    Payable,
    Posting,
    Quote,
    Refused,
    Unknown,
)
from payments.service import create_intent, get_payment, present, refund

__all__ = [
    "PAYABLES",
    "Accepted",
    "Fulfilment",
    "Method",
    "NotYet",
    "Paid",
    "Payable",
    "Payment",
    "PaymentMethod",
    "Posting",
    "Quote",
    "Refused",
    "Unknown",
    "create_intent",
    "get_payment",
    "present",
    "refund",
    "to_payment",
]
