"""From a sustained objection to the removed record: the police are told, the case follows."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.people.directory import find_person
from core.queue.events import on
from core.queue.jobs import job
from core.upstream.client import UpstreamRejected
from kinds.application import store
from kinds.application.engine import take_outside
from kinds.application.events import CaseAwaits
from kinds.application.models import Case
from kinds.application.opening import open_form
from modules.mobility.fines.upstream import POLICE
from modules.mobility.objections import texts
from modules.mobility.objections.upstream import REFUSALS, remove_violation
from modules.mobility.violations.lookup import SERVICE

_REMOVING = "removing"
_CALL_S = 10.0
_ASK_AGAIN = timedelta(hours=1)


@on("applications.CaseAwaits", kinds=SERVICE)
async def objection_awaits(app: App, event: CaseAwaits) -> None:
    """Have the record of a sustained objection removed. Repeat-safe."""
    await remove_record(app, event.case_id, event.sequence)


@job("mobility.remove_record")
async def remove_record(app: App, case_id: UUID, sequence: int = 0) -> None:
    """Tell the police, and move the case by what they say. Repeat-safe.

    That they are told is written down before: of who has left meanwhile they cannot be asked what
    became of it, and an officer finds it out. Raises UpstreamError while they do not answer; the
    job is then repeated.
    """
    case = await store.find_case(case_id)
    if case is None or case.state != _REMOVING:
        return
    event, note = "confirm_removal", ""
    owner = await _owner_of(app, case)
    if owner is None and await store.was_asked(case_id, sequence):
        async with transaction() as tx:
            await remove_record.enqueue(app, tx, case_id, sequence, after=_ASK_AGAIN)
        return
    if owner is not None:
        await store.insert_outside_request(case_id, sequence, app.clock.now())
    if reason := "NOT_OWNER" if owner is None else await _remove(app, case, owner):
        event = "refuse_removal"
        note = f"{texts.NOT_REMOVED.zh} / {texts.NOT_REMOVED.en}".format(reason=reason)
    async with transaction() as tx:
        locked = await store.lock_case(tx, case_id)
        if locked is not None and locked.state == _REMOVING:
            await take_outside(app, tx, locked, event, note)


async def _owner_of(app: App, case: Case) -> Mapping[str, str] | None:
    """Whose case it is, as they are verified, whatever stands in the form; None for who has left,
    or whose document the police do not know."""
    person = await find_person(app, case.citizen_id)
    return None if person is None else person.members_for(POLICE.documents)


async def _remove(app: App, case: Case, owner: Mapping[str, str]) -> str:
    """Have the record of a case removed; why that is refused for good, or ""."""
    ground = open_form(app, case)["ground"]
    try:
        await remove_violation(app, Deadline.after(_CALL_S), case.item, owner, case.no, ground)
    except UpstreamRejected as refusal:
        if refusal.code not in REFUSALS:
            raise
        return refusal.code
    return ""
