"""Pension insurance: what is asked, on which consent, and how it is shown."""

from dataclasses import replace

import strawberry

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.graphql import view
from core.people.personal_read import Access, Purpose
from core.upstream.operation import json_of
from kinds.lookup import PersonalLookup, page_operation, record_operation
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

query_pension = record_operation(
    SOCIAL, "query_pension", "/pension/query", json_of(PensionRecord).or_none(NOT_ENROLLED)
)
"""None where the person was never enrolled."""
list_pension_contributions = page_operation(
    SOCIAL, "list_pension_contributions", "/pension/contributions/query", CONTRIBUTIONS
)
list_pension_movements = page_operation(
    SOCIAL, "list_pension_movements", "/pension/account/movements/query", MOVEMENTS
)


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

view(PensionTransfer, names={"from_place_zh": "from_place", "to_place_zh": "to_place"})
PensionInsurance = insurance_reading("PensionInsurance", "pension insurance", PensionRecord)


@strawberry.type
class Query:
    """Pension insurance's query fields."""

    pension_insurance = insurance_field(PENSION, PensionInsurance, "pension insurance")
    pension_contributions = contributions_field(PENSION_CONTRIBUTIONS)
    pension_movements = movements_field(PENSION_MOVEMENTS)
