"""From a sustained objection to the removed record: the police are told, the case follows."""

from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from core.queue.events import on
from core.queue.jobs import job
from core.upstream.client import UpstreamRejected
from kinds.application import store
from kinds.application.engine import take_outside
from kinds.application.events import CaseAwaits
from kinds.application.opening import open_form
from modules.mobility.fines.upstream import POLICE
from modules.mobility.objections import texts
from modules.mobility.objections.upstream import REFUSALS, remove_violation
from modules.mobility.violations.lookup import SERVICE

_REMOVING = "removing"
_CALL_S = 10.0


@on("applications.CaseAwaits", kinds=SERVICE)
async def objection_awaits(app: App, event: CaseAwaits) -> None:
    """Have the record of a sustained objection removed. Repeat-safe."""
    await remove_record(app, event.case_id)


@job("mobility.remove_record")
async def remove_record(app: App, case_id: UUID) -> None:
    """Tell the police, and move the case by what they say. Repeat-safe.

    Raises UpstreamError while they do not answer; the job is then repeated.
    """
    case = await store.find_case(case_id)
    if case is None or case.state != _REMOVING:
        return
    form = open_form(app, case)
    owner = POLICE.documents.members_of(form["resident_id"], civil_date(app.clock.now()))
    event, note = "confirm_removal", ""
    try:
        await remove_violation(
            app, Deadline.after(_CALL_S), case.item, owner, case.no, form["ground"]
        )
    except UpstreamRejected as refusal:
        if refusal.code not in REFUSALS:
            raise
        event = "refuse_removal"
        words = f"{texts.NOT_REMOVED.zh} / {texts.NOT_REMOVED.en}"
        note = words.format(reason=refusal.code)
    async with transaction() as tx:
        locked = await store.lock_case(tx, case_id)
        if locked is not None and locked.state == _REMOVING:
            await take_outside(app, tx, locked, event, note)
