"""Maternity insurance in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import reading_view
from kinds.lookup import lookup_field
from modules.welfare.insurance.graphql import contributions_field
from modules.welfare.maternity import lookup
from modules.welfare.maternity.domain import MaternityRecord

MaternityInsurance = reading_view(
    "MaternityInsurance",
    "The viewer's maternity insurance, and how fresh that is.",
    record=Annotated[
        MaternityRecord, "The record; null for who was never enrolled, or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """Maternity insurance's query fields."""

    maternity_insurance = lookup_field(
        lookup.MATERNITY,
        returns=MaternityInsurance,
        for_others=True,
        description="The maternity insurance of the viewer, or of whom they act for.",
    )
    maternity_contributions = contributions_field(lookup.MATERNITY_CONTRIBUTIONS)
