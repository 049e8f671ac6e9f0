"""The two core systems, and what is asked of both in one form; see docs/upstreams/."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import UpstreamFailed
from core.upstream.operation import Operation, System, json_of
from kinds.lookup import Page
from modules.welfare.insurance.domain import (
    InsuranceAccountMovement,
    InsuranceContribution,
    InsuranceRecord,
    is_about,
)

SOCIAL = System("social_insurance")
MEDICAL = System("medical_insurance")

NOT_ENROLLED = "NO_ENROLMENT"
"""The code with which both refuse a question about somebody who never was in the insurance."""

CONTRIBUTIONS = json_of(Page[InsuranceContribution]).or_none(NOT_ENROLLED)
MOVEMENTS = json_of(Page[InsuranceAccountMovement]).or_none(NOT_ENROLLED)

R = TypeVar("R", bound=InsuranceRecord)


def of_the_person(
    query: Operation[[Access], R | None],
) -> Callable[[App, Deadline, Access], Awaitable[R | None]]:
    """Asks for a record and refuses that of somebody else. Raises as the operation does."""

    async def ask(app: App, deadline: Deadline, access: Access) -> R | None:
        record = await query(app, deadline, access)
        if record is not None and not is_about(record.holder, access.person.resident_id or ""):
            raise UpstreamFailed(query.system.name, query.name, "a record of somebody else")
        return record

    return ask
