"""The payee; its contract belongs into docs/upstreams/, what it is told of in payments.md there."""

from core.upstream.operation import System, records_of
from kinds.lookup import record_operation
from kinds.payment import Receipt, payee
from modules._example.payment.domain import ExamplePaymentDue

PAYEE = System("example_payment")
BILLS = payee(PAYEE, "bills", Receipt, ("NO_SUCH_BILL",))

list_due = record_operation(
    PAYEE, "list_due", "/bills/query", records_of(ExamplePaymentDue, "bills")
)
"""The unpaid bills of a person."""
