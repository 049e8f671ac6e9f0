"""The service in GraphQL: the viewer's bills, and paying one."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    reading_view,
    signed_in,
    view,
)
from kinds.lookup import lookup_field
from kinds.payment import PaymentStarted
from modules._example.payment.domain import SERVICE, ExamplePaymentDue
from modules._example.payment.service import BILLS, pay
from payments.api import Method

view(ExamplePaymentDue)
ExamplePaymentBills = reading_view(
    "ExamplePaymentBills",
    "The viewer's unpaid bills, and how fresh that is.",
    items=Annotated[Sequence[ExamplePaymentDue], "The bills, as the payee lists them."],
)


PayExamplePaymentResult = Annotated[
    PaymentStarted | Refused, strawberry.union("PayExamplePaymentResult")
]


@strawberry.type
class Query:
    """The service's query field."""

    example_payment_bills = lookup_field(
        BILLS,
        returns=ExamplePaymentBills,
        description="The viewer's unpaid bills.",
        rule=signed_in(2),
    )


@strawberry.type
class Mutation:
    """The service's mutation field."""

    @mutation(of_service(SERVICE), description="Pay a bill.")
    async def pay_example_payment(
        self,
        info: Info,
        bill_no: Annotated[str, strawberry.argument(description="The bill's number.")],
        idempotency_key: IdempotencyKey,
        method: Method = None,
    ) -> PayExamplePaymentResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        payment = await pay(info.context, bill_no, idempotency_key, method)
        return PaymentStarted(payment=payment)
