"""Pension insurance: what is asked, on which consent, and how it is shown."""

from dataclasses import replace

import strawberry

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.graphql import view
from core.people.personal_read import Access, Purpose, about_person
from core.upstream.operation import Request, json_of
from kinds.lookup import PersonalLookup, page_request
from modules.welfare.insurance.graphql import (
    contributions_field,
    insurance_field,
    insurance_reading,
    movements_field,
)
from modules.welfare.insurance.upstream import (
    CONTRIBUTIONS,
    MOVEMENTS,
    NOT_ENROLLED,
    SOCIAL,
    of_the_person,
)
from modules.welfare.pension import texts
from modules.welfare.pension.domain import PensionRecord, PensionTransfer, project

SERVICE = "pension-insurance-query"
PURPOSE = Purpose(
    id="welfare.pension",
    upstream=SOCIAL.name,
    fields=("enrolments", "contributions", "account", "transfers", "benefit"),
    text=texts.CONSENT,
    text_version="2026-11",
)


@SOCIAL.operation(
    "POST",
    "/pension/query",
    answers=json_of(PensionRecord).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
    hedged=True,
)
def query_pension(access: Access) -> Request:
    """The record of the person in `access`, or None where they were never enrolled."""
    return Request(json=about_person(access), access=access)


@SOCIAL.operation(
    "POST", "/pension/contributions/query", answers=CONTRIBUTIONS, safe=True, personal=True
)
def list_pension_contributions(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of contributions."""
    return page_request(access, first, after, year)


@SOCIAL.operation(
    "POST", "/pension/account/movements/query", answers=MOVEMENTS, safe=True, personal=True
)
def list_pension_movements(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of the personal account's movements."""
    return page_request(access, first, after, year)


async def find_pension(app: App, deadline: Deadline, access: Access) -> PensionRecord | None:
    """The record with its projection. Raises as the operation does."""
    record = await of_the_person(query_pension)(app, deadline, access)
    if record is None:
        return None
    today = civil_date(app.clock.now())
    return replace(record, projection=project(record, access.person.resident_id or "", today))


PENSION = PersonalLookup(SERVICE, PURPOSE, find_pension)
"""A None inside a LIVE reading means that there was never an enrolment."""
PENSION_CONTRIBUTIONS = PersonalLookup(
    SERVICE, PURPOSE, list_pension_contributions, part="contributions"
)
PENSION_MOVEMENTS = PersonalLookup(SERVICE, PURPOSE, list_pension_movements, part="movements")

view(
    PensionTransfer,
    names={"from_place_zh": "from_place", "to_place_zh": "to_place"},
)
PensionInsurance = insurance_reading("PensionInsurance", "pension insurance", PensionRecord)


@strawberry.type
class Query:
    """Pension insurance's query fields."""

    pension_insurance = insurance_field(PENSION, PensionInsurance, "pension insurance")
    pension_contributions = contributions_field(PENSION_CONTRIBUTIONS)
    pension_movements = movements_field(PENSION_MOVEMENTS)
