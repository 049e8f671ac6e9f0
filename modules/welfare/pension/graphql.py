"""Pension insurance in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import reading_view, view
from kinds.lookup import lookup_field
from modules.welfare.insurance.graphql import contributions_field, movements_field
from modules.welfare.pension import lookup
from modules.welfare.pension.domain import PensionRecord, PensionTransfer

view(
    PensionTransfer,
    names={"from_place_zh": "from_place", "to_place_zh": "to_place"},
)
PensionInsurance = reading_view(
    "PensionInsurance",
    "The viewer's pension insurance, and how fresh that is.",
    record=Annotated[
        PensionRecord, "The record; null for who was never enrolled, or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """Pension insurance's query fields."""

    pension_insurance = lookup_field(
        lookup.PENSION,
        returns=PensionInsurance,
        for_others=True,
        description="The pension insurance of the viewer, or of whom they act for.",
    )
    pension_contributions = contributions_field(lookup.PENSION_CONTRIBUTIONS)
    pension_movements = movements_field(lookup.PENSION_MOVEMENTS)
