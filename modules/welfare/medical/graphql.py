"""Medical insurance in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import reading_view, view
from kinds.lookup import lookup_field, page_field
from modules.welfare.insurance.graphql import NAMES, contributions_field, movements_field
from modules.welfare.medical import lookup
from modules.welfare.medical.domain import MedicalRecord, MedicalSettlement

view(MedicalSettlement, names=NAMES)
MedicalInsurance = reading_view(
    "MedicalInsurance",
    "The viewer's medical insurance, and how fresh that is.",
    record=Annotated[
        MedicalRecord, "The record; null for who was never enrolled, or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """Medical insurance's query fields."""

    medical_insurance = lookup_field(
        lookup.MEDICAL_INSURANCE,
        returns=MedicalInsurance,
        for_others=True,
        description="The medical insurance of the viewer, or of whom they act for.",
    )
    medical_contributions = contributions_field(lookup.MEDICAL_INSURANCE_CONTRIBUTIONS)
    medical_movements = movements_field(lookup.MEDICAL_INSURANCE_MOVEMENTS)
    medical_settlements = page_field(
        lookup.MEDICAL_INSURANCE_SETTLEMENTS,
        node=MedicalSettlement,
        for_others=True,
        description="What hospitals and pharmacies settled for the viewer, or for whom they act, "
        "newest first.",
    )
