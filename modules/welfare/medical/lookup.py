"""Medical insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.people.personal_read import Purpose
from core.upstream.operation import json_of
from kinds.lookup import Page, PersonalLookup, page_field, page_operation, record_operation
from modules.welfare.insurance.graphql import (
    NAMES,
    contributions_field,
    insurance_field,
    insurance_reading,
    movements_field,
)
from modules.welfare.insurance.upstream import (
    CONTRIBUTIONS,
    MEDICAL,
    MOVEMENTS,
    NOT_ENROLLED,
    of_the_person,
)
from modules.welfare.medical import texts
from modules.welfare.medical.domain import MedicalRecord, MedicalSettlement

SERVICE = "medical-insurance-query"
PURPOSE = Purpose(
    id="welfare.medical",
    upstream=MEDICAL.name,
    fields=("enrolments", "contributions", "coverage", "account", "settlements"),
    text=texts.CONSENT,
    text_version="2026-11",
)

query_medical = record_operation(
    MEDICAL, "query_medical", "/medical/query", json_of(MedicalRecord).or_none(NOT_ENROLLED)
)
"""None where the person was never enrolled."""
list_medical_contributions = page_operation(
    MEDICAL, "list_medical_contributions", "/medical/contributions/query", CONTRIBUTIONS
)
list_medical_movements = page_operation(
    MEDICAL, "list_medical_movements", "/medical/account/movements/query", MOVEMENTS
)
list_settlements = page_operation(
    MEDICAL,
    "list_settlements",
    "/medical/settlements/query",
    json_of(Page[MedicalSettlement]).or_none(NOT_ENROLLED),
)

MEDICAL_INSURANCE = PersonalLookup(SERVICE, PURPOSE, of_the_person(query_medical))
"""A None inside a LIVE reading means that there was never an enrolment."""
MEDICAL_INSURANCE_CONTRIBUTIONS = PersonalLookup(
    SERVICE, PURPOSE, list_medical_contributions, part="contributions"
)
MEDICAL_INSURANCE_MOVEMENTS = PersonalLookup(
    SERVICE, PURPOSE, list_medical_movements, part="movements"
)
MEDICAL_INSURANCE_SETTLEMENTS = PersonalLookup(
    SERVICE, PURPOSE, list_settlements, part="settlements"
)

view(MedicalSettlement, names=NAMES)
MedicalInsurance = insurance_reading("MedicalInsurance", "medical insurance", MedicalRecord)


@strawberry.type
class Query:
    """Medical insurance's query fields."""

    medical_insurance = insurance_field(MEDICAL_INSURANCE, MedicalInsurance, "medical insurance")
    medical_contributions = contributions_field(MEDICAL_INSURANCE_CONTRIBUTIONS)
    medical_movements = movements_field(MEDICAL_INSURANCE_MOVEMENTS)
    medical_settlements = page_field(
        MEDICAL_INSURANCE_SETTLEMENTS,
        node=MedicalSettlement,
        for_others=True,
        description="What hospitals and pharmacies settled for the viewer, or for whom they act, "
        "newest first.",
    )
