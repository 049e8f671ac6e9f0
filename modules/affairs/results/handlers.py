"""What a case grants comes into the wallet: its e-licence is issued by the city's system."""

from datetime import timedelta

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.people.directory import find_person
from core.queue.events import on
from kinds.application import store, versions
from kinds.application.events import LicenceGranted
from modules.affairs.licences.upstream import LICENCES
from modules.affairs.results.upstream import LicenceOrder, issue_licence

_CALL_S = 10.0


@on("applications.LicenceGranted", max_attempts=30)
async def issue(app: App, event: LicenceGranted) -> None:
    """Have the licence of a case issued to its citizen. Repeat-safe: the system issues one for each
    case number. Who has left the city's app by then has no wallet, and gets it at the counter; so
    does who is known by a document that the system does not take."""
    case = await store.find_case(event.case_id)
    assert case is not None and case.ended_at is not None
    definition = await versions.get_stored(app, case.definition_id)
    person, grant = await find_person(app, case.citizen_id), definition.grants
    holder = None if person is None else person.members_for(LICENCES.documents)
    if holder is None or grant is None:
        return
    until_on = None if grant.days is None else civil_date(case.ended_at) + timedelta(grant.days)
    issuer = app.city.departments.get(definition.by_name[grant.state].unit or case.unit)
    order = LicenceOrder(
        case_no=case.no,
        holder=holder,
        kind=grant.kind,
        name=grant.title,
        issuer_zh=issuer.zh if issuer else case.unit,
        valid_until=until_on,
    )
    await issue_licence(app, Deadline.after(_CALL_S), order)
