"""The door of payments.

A paying service has a `Payable` in its rooms, calls `create_intent` in its own transaction and
`present` after it; events tell it how the payment ended. Whose payees send settlement files has a
`Source` too.
"""

from payments.contracts import begin_contract, end_contract, refresh_contract, sign_contract
from payments.domain import ANYHOW, PaymentMethod, Side, Wish
from payments.graphql import Channel, Method, Payment, PaymentChannelInput, to_payment, wish_of
from payments.loans import LoanMovement, book_loan
from payments.payable import (
    PAYABLES,
    Accepted,
    Fulfilment,
    NotYet,
    Paid,
    Parts,
    Payable,
    Posting,
    Quote,
    Refused,
    Unknown,
)
from payments.psp.channels import PaymentChannel
from payments.service import (
    create_intent,
    end_open,
    find_payments,
    get_payment,
    present,
    refund,
)
from payments.statements import (
    STATEMENTS,
    Announced,
    Line,
    Source,
    StatementNotReady,
    StatementRefused,
    read_lines,
    ref_of,
)

__all__ = [
    "ANYHOW",
    "PAYABLES",
    "STATEMENTS",
    "Accepted",
    "Announced",
    "Channel",
    "Fulfilment",
    "Line",
    "LoanMovement",
    "Method",
    "NotYet",
    "Paid",
    "Parts",
    "Payable",
    "Payment",
    "PaymentChannel",
    "PaymentChannelInput",
    "PaymentMethod",
    "Posting",
    "Quote",
    "Refused",
    "Side",
    "Source",
    "StatementNotReady",
    "StatementRefused",
    "Unknown",
    "Wish",
    "begin_contract",
    "book_loan",
    "create_intent",
    "end_contract",
    "end_open",
    "find_payments",
    "get_payment",
    "present",
    "read_lines",
    "ref_of",
    "refresh_contract",
    "refund",
    "sign_contract",
    "to_payment",
    "wish_of",
]
