"""Work-injury insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.people.personal_read import Access, Purpose, about_person
from core.upstream.operation import Request, json_of
from kinds.lookup import PersonalLookup, page_request
from modules.welfare.insurance.graphql import (
    NAMES,
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
from modules.welfare.work_injury import texts
from modules.welfare.work_injury.domain import InjuryRecognition, WorkInjuryRecord

SERVICE = "work-injury-insurance-query"
PURPOSE = Purpose(
    id="welfare.work-injury",
    upstream=SOCIAL.name,
    fields=("enrolments", "contributions", "recognitions", "benefits"),
    text=texts.CONSENT,
    text_version="2026-11",
)


@SOCIAL.operation(
    "POST",
    "/work-injury/query",
    answers=json_of(WorkInjuryRecord).or_none(NOT_ENROLLED),
    safe=True,
    personal=True,
    hedged=True,
)
def query_work_injury(access: Access) -> Request:
    """The record of the person in `access`, or None where they were never enrolled."""
    return Request(json=about_person(access), access=access)


@SOCIAL.operation(
    "POST", "/work-injury/contributions/query", answers=CONTRIBUTIONS, safe=True, personal=True
)
def list_work_injury_contributions(
    access: Access, first: int = 50, after: str | None = None, year: int | None = None
) -> Request:
    """A page of contributions."""
    return page_request(access, first, after, year)


WORK_INJURY = PersonalLookup(SERVICE, PURPOSE, of_the_person(query_work_injury))
"""A None inside a LIVE reading means that there was never an enrolment."""
WORK_INJURY_CONTRIBUTIONS = PersonalLookup(
    SERVICE, PURPOSE, list_work_injury_contributions, part="contributions"
)

view(InjuryRecognition, names=NAMES)
WorkInjuryInsurance = insurance_reading(
    "WorkInjuryInsurance", "work-injury insurance", WorkInjuryRecord
)


@strawberry.type
class Query:
    """Work-injury insurance's query fields."""

    work_injury_insurance = insurance_field(
        WORK_INJURY, WorkInjuryInsurance, "work-injury insurance"
    )
    work_injury_contributions = contributions_field(WORK_INJURY_CONTRIBUTIONS)
