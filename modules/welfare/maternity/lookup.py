"""Maternity insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.people.personal_read import Access, Purpose, about_person
from core.upstream.operation import Request, json_of
from kinds.lookup import PersonalLookup, page_request
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
)
from modules.welfare.insurance.upstream import (
    CONTRIBUTIONS,
    MEDICAL,
    NOT_ENROLLED,
    of_the_person,
)
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


@MEDICAL.operation(
    "POST",
    "/maternity/query",
    answers=json_of(MaternityRecord).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
    hedged=True,
)
def query_maternity(access: Access) -> Request:
    """The record of the person in `access`, or None where they were never enrolled."""
    return Request(json=about_person(access), access=access)


@MEDICAL.operation(
    "POST", "/maternity/contributions/query", answers=CONTRIBUTIONS, safe=True, personal=True
)
def list_maternity_contributions(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of contributions."""
    return page_request(access, first, after, year)


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
