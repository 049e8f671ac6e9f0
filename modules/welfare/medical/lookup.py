"""Medical insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.people.personal_read import Access, Purpose, about_person
from core.upstream.operation import Request, json_of
from kinds.lookup import Page, PersonalLookup, page_field, page_request
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


@MEDICAL.operation(
    "POST",
    "/medical/query",
    answers=json_of(MedicalRecord).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
    hedged=True,
)
def query_medical(access: Access) -> Request:
    """The record of the person in `access`, or None where they were never enrolled."""
    return Request(json=about_person(access), access=access)


@MEDICAL.operation(
    "POST", "/medical/contributions/query", answers=CONTRIBUTIONS, safe=True, personal=True
)
def list_medical_contributions(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of contributions."""
    return page_request(access, first, after, year)


@MEDICAL.operation(
    "POST", "/medical/account/movements/query", answers=MOVEMENTS, safe=True, personal=True
)
def list_medical_movements(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of the personal account's movements; None where there is no account."""
    return page_request(access, first, after, year)


@MEDICAL.operation(
    "POST",
    "/medical/settlements/query",
    answers=json_of(Page[MedicalSettlement]).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
)
def list_settlements(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of what hospitals and pharmacies settled."""
    return page_request(access, first, after, year)


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
