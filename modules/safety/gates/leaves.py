"""Leaves: a guardian says that a child stays away, and the school is told."""

from datetime import date, timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.deadline import Deadline
from core.errors import InvalidInput, NotFound
from core.people.mandates import act_for
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from kinds import owned
from kinds.owned import OwnedList
from modules.safety.gates import messages, store, texts
from modules.safety.gates.domain import SERVICE
from modules.safety.gates.models import GateFollow, SchoolLeave
from modules.safety.gates.notices import describe_children, tell_guardians
from modules.safety.schools import upstream
from modules.safety.schools.guardians import list_guardians, require_child

LEAVE_DAYS_MAX = 60
_DEADLINE_S = 8.0
_LEAVES = OwnedList(SchoolLeave, most=200, too_many=texts.TOO_MANY_LEAVES)


async def file_leave(call: Call, from_on: date, until_on: date, key: str) -> SchoolLeave:
    """File a leave for the child; an alarm of these days is withdrawn. The same key files once.

    Raises InvalidInput for other days, NotFound without a follow, Conflict KEY_REUSED.
    """
    child_id, viewer = require_child(call), call.require_viewer()
    today = civil_date(call.app.clock.now())
    if not today <= from_on <= until_on <= from_on + timedelta(days=LEAVE_DAYS_MAX - 1):
        raise InvalidInput(texts.LEAVE_DAYS, "until", most=LEAVE_DAYS_MAX)
    follow = await GateFollow.get_or_none(citizen_id=viewer.user_id, child_id=child_id)
    if follow is None:
        raise NotFound(NOT_FOUND)
    row = {"child_id": child_id, "from_on": from_on, "until_on": until_on}
    followers = await store.list_followers(follow.school_code, [follow.pupil_ref])
    guardians, _ = await list_guardians(call.app, SERVICE, followers[follow.pupil_ref])
    children = await describe_children(call.app, follow.school_code, {child_id})
    params = {child: {"child": known["child"]} for child, known in children.items()}
    now = call.app.clock.now()
    async with transaction() as tx:
        leave = await owned.add(
            call, tx, _LEAVES, "fileSchoolLeave", key, row | {"created_at": now}, row
        )
        if await store.withdraw_alarms(tx, child_id, from_on, until_on, now):
            own = [pair for pair in guardians if pair[1] == child_id]
            await tell_guardians(call.app, tx, messages.ON_LEAVE, own, params, f"leave:{leave.id}")
        await report_leave.enqueue(call.app, tx, leave.id, key=str(leave.id))
    return leave


async def withdraw_leave(call: Call, leave_id: UUID, key: str) -> None:
    """Take back a leave of a child, whoever filed it. Raises NotFound, Conflict KEY_REUSED."""
    if leave := await SchoolLeave.get_or_none(id=leave_id):
        require_child(await act_for(call, leave.child_id, service=SERVICE))
    owner_id = leave.citizen_id if leave else None
    async with transaction() as tx:
        await owned.remove(call, tx, _LEAVES, "withdrawSchoolLeave", key, owner_id, id=leave_id)
        await report_leave.enqueue(call.app, tx, leave_id, key=f"{leave_id}:withdrawn")


@job("safety.report_leave")
async def report_leave(app: App, leave_id: UUID) -> None:
    """Tell the school of a leave as it stands now, or that it was withdrawn. Repeat-safe.

    Raises UpstreamError while the registry is silent.
    """
    deadline = Deadline.after(_DEADLINE_S)
    leave = await SchoolLeave.get_or_none(id=leave_id)
    if leave is None:
        await upstream.withdraw_leave(app, deadline, leave_id)
        return
    if follow := await GateFollow.filter(child_id=leave.child_id).first():
        pupil, days = (follow.school_code, follow.pupil_ref), (leave.from_on, leave.until_on)
        await upstream.report_leave(app, deadline, leave_id, *pupil, *days)
