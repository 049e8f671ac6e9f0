"""The service in GraphQL: the viewer's bills, and paying one."""

from typing import Annotated

import strawberry

from core.graphql import reading_view, signed_in, view
from core.upstream.records import Records
from kinds.lookup import lookup_field
from kinds.payment import pay_field
from modules._example.payment.domain import SERVICE, ExamplePaymentDue
from modules._example.payment.service import BILLS, pay

view(ExamplePaymentDue)
ExamplePaymentBills = reading_view(
    "ExamplePaymentBills",
    "The viewer's unpaid bills, and how fresh that is.",
    items=Annotated[Records[ExamplePaymentDue], "The bills, as the payee lists them."],
)


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

    pay_example_payment = pay_field(
        SERVICE, pay, result="PayExamplePaymentResult", description="Pay a bill."
    )
