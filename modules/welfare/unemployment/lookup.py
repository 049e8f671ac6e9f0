"""Unemployment insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.people.personal_read import Purpose
from core.upstream.operation import json_of
from kinds.lookup import PersonalLookup, page_operation, record_operation
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
)
from modules.welfare.insurance.upstream import CONTRIBUTIONS, NOT_ENROLLED, SOCIAL, of_the_person
from modules.welfare.unemployment import texts
from modules.welfare.unemployment.domain import UnemploymentRecord

SERVICE = "unemployment-insurance-query"
PURPOSE = Purpose(
    id="welfare.unemployment",
    upstream=SOCIAL.name,
    fields=("enrolments", "contributions", "entitlement", "benefits"),
    text=texts.CONSENT,
    text_version="2026-11",
)

query_unemployment = record_operation(
    SOCIAL,
    "query_unemployment",
    "/unemployment/query",
    json_of(UnemploymentRecord).or_none(NOT_ENROLLED),
)
"""None where the person was never enrolled."""
list_unemployment_contributions = page_operation(
    SOCIAL, "list_unemployment_contributions", "/unemployment/contributions/query", CONTRIBUTIONS
)

UNEMPLOYMENT = PersonalLookup(SERVICE, PURPOSE, of_the_person(query_unemployment))
"""A None inside a LIVE reading means that there was never an enrolment."""
UNEMPLOYMENT_CONTRIBUTIONS = PersonalLookup(
    SERVICE, PURPOSE, list_unemployment_contributions, part="contributions"
)

UnemploymentInsurance = insurance_reading(
    "UnemploymentInsurance", "unemployment insurance", UnemploymentRecord
)


@strawberry.type
class Query:
    """Unemployment insurance's query fields."""

    unemployment_insurance = insurance_field(
        UNEMPLOYMENT, UnemploymentInsurance, "unemployment insurance"
    )
    unemployment_contributions = contributions_field(UNEMPLOYMENT_CONTRIBUTIONS)
