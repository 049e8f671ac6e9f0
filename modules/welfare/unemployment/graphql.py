"""Unemployment insurance in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import reading_view
from kinds.lookup import lookup_field
from modules.welfare.insurance.graphql import contributions_field
from modules.welfare.unemployment import lookup
from modules.welfare.unemployment.domain import UnemploymentRecord

UnemploymentInsurance = reading_view(
    "UnemploymentInsurance",
    "The viewer's unemployment insurance, and how fresh that is.",
    record=Annotated[
        UnemploymentRecord, "The record; null for who was never enrolled, or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """Unemployment insurance's query fields."""

    unemployment_insurance = lookup_field(
        lookup.UNEMPLOYMENT,
        returns=UnemploymentInsurance,
        for_others=True,
        description="The unemployment insurance of the viewer, or of whom they act for.",
    )
    unemployment_contributions = contributions_field(lookup.UNEMPLOYMENT_CONTRIBUTIONS)
