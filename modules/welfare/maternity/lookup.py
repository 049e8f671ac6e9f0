"""Maternity insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.people.personal_read import Purpose
from core.upstream.operation import json_of
from kinds.lookup import PersonalLookup, page_operation, record_operation
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
)
from modules.welfare.insurance.upstream import CONTRIBUTIONS, MEDICAL, NOT_ENROLLED, of_the_person
from modules.welfare.maternity import texts
from modules.welfare.maternity.domain import MaternityRecord

SERVICE = "maternity-insurance-query"
PURPOSE = Purpose(
    id="welfare.maternity",
    upstream=MEDICAL.name,
    fields=("enrolments", "contributions", "allowances"),
    text=texts.CONSENT,
    text_version="2026-11",
)

query_maternity = record_operation(
    MEDICAL, "query_maternity", "/maternity/query", json_of(MaternityRecord).or_none(NOT_ENROLLED)
)
"""None where the person was never enrolled."""
list_maternity_contributions = page_operation(
    MEDICAL, "list_maternity_contributions", "/maternity/contributions/query", CONTRIBUTIONS
)

MATERNITY = PersonalLookup(SERVICE, PURPOSE, of_the_person(query_maternity))
"""A None inside a LIVE reading means that there was never an enrolment."""
MATERNITY_CONTRIBUTIONS = PersonalLookup(
    SERVICE, PURPOSE, list_maternity_contributions, part="contributions"
)

MaternityInsurance = insurance_reading("MaternityInsurance", "maternity insurance", MaternityRecord)


@strawberry.type
class Query:
    """Maternity insurance's query fields."""

    maternity_insurance = insurance_field(MATERNITY, MaternityInsurance, "maternity insurance")
    maternity_contributions = contributions_field(MATERNITY_CONTRIBUTIONS)
