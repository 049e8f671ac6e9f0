"""Cases made without walking through an application."""

from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.ids import new_id
from kinds.application.models import Case, StoredDefinition, Task


async def open_case(app: App, person_id: UUID, no: str, unit: str) -> Case:
    """A case of a person on which a unit works."""
    now = app.clock.now()
    definition, _ = await StoredDefinition.get_or_create(
        id=UUID(int=1),
        defaults={
            "service_id": "gov-case-apply",
            "item": "probe",
            "body": "{}",
            "first_state": "open",
            "edges": [],
            "ends": [],
            "created_at": now,
        },
    )
    case = await Case.create(
        id=new_id(),
        no=no,
        service_id="gov-case-apply",
        definition_id=definition.id,
        citizen_id=person_id,
        state="open",
        turn="UNIT",
        unit=unit,
        turn_from_on=civil_date(now),
        promise_days=1,
        opened_at=now,
        moved_at=now,
    )
    await Task.create(
        id=new_id(),
        case_id=case.id,
        kind="decide",
        state="open",
        round=1,
        unit=unit,
        status="OPEN",
        opened_at=now,
    )
    return case
