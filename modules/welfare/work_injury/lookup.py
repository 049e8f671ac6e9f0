"""Work-injury insurance: what is asked, on which consent, and how it is shown."""

import strawberry

from core.graphql import view
from core.people.personal_read import Purpose
from core.upstream.operation import json_of
from kinds.lookup import PersonalLookup, page_operation, record_operation
from modules.welfare.insurance.graphql import (
    NAMES,
    contributions_field,
    insurance_field,
    insurance_reading,
)
from modules.welfare.insurance.upstream import CONTRIBUTIONS, NOT_ENROLLED, SOCIAL, of_the_person
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

query_work_injury = record_operation(
    SOCIAL,
    "query_work_injury",
    "/work-injury/query",
    json_of(WorkInjuryRecord).or_none(NOT_ENROLLED),
)
"""None where the person was never enrolled."""
list_work_injury_contributions = page_operation(
    SOCIAL, "list_work_injury_contributions", "/work-injury/contributions/query", CONTRIBUTIONS
)

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
