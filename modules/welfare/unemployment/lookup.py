"""Unemployment insurance: what is asked, on which consent, and how it is shown."""

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
    NOT_ENROLLED,
    SOCIAL,
    of_the_person,
)
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


@SOCIAL.operation(
    "POST",
    "/unemployment/query",
    answers=json_of(UnemploymentRecord).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
    hedged=True,
)
def query_unemployment(access: Access) -> Request:
    """The record of the person in `access`, or None where they were never enrolled."""
    return Request(json=about_person(access), access=access)


@SOCIAL.operation(
    "POST", "/unemployment/contributions/query", answers=CONTRIBUTIONS, safe=True, personal=True
)
def list_unemployment_contributions(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of contributions."""
    return page_request(access, first, after, year)


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
