"""Following a child's comings and goings, and looking at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.queue.jobs import Lane, job
from core.texts import Named
from kinds.subscription import subscribe
from modules.safety.gates import models, store
from modules.safety.gates.domain import (
    KEPT,
    SERVICE,
    AlarmKind,
    Direction,
    GateEvent,
    SilenceAlarm,
)
from modules.safety.gates.notices import FOLLOWS
from modules.safety.schools.guardians import read_enrolment, require_child
from modules.safety.schools.upstream import list_schools

SHOWN = timedelta(days=7)
SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class SchoolLeave:
    """Days on which a child stays away from school."""

    id: Annotated[UUID, "Its id, for withdrawSchoolLeave."]
    from_on: Annotated[date, "The first day."]
    until_on: Annotated[date, "The last day."]


@dataclass(frozen=True, slots=True)
class SchoolGate:
    """What a guardian is told of a child at school."""

    follow_id: Annotated[UUID, "The subscription's id, for unfollowSchoolGate."]
    school: Annotated[Named, "The school's name."]
    last_direction: Annotated[
        Direction | None, "Which way the child went last, by the gates' time; null: not seen."
    ]
    events: Annotated[Sequence[GateEvent], "Of the last seven days, the newest first."]
    alarms: Annotated[Sequence[SilenceAlarm], "Of the last seven days, the newest first."]
    leaves: Annotated[Sequence[SchoolLeave], "Leaves that are not over, by any guardian."]


async def follow(call: Call, key: str) -> models.GateFollow:
    """Have the guardian told of the child from now on; the same key makes one subscription.

    Raises as `require_child` and `read_enrolment` do, Conflict above six children or KEY_REUSED.
    """
    child_id = require_child(call)
    enrolment = await read_enrolment(call, SERVICE)
    row = {
        "child_id": child_id,
        "school_code": enrolment.school_code,
        "pupil_ref": enrolment.pupil_ref,
        "created_at": call.app.clock.now(),
    }
    return await subscribe(call, FOLLOWS, key, row, {"child": child_id})


async def look(call: Call) -> SchoolGate | None:
    """What is known of the child; None where the guardian does not follow it.

    Raises as `require_child` does, Unavailable without the registry.
    """
    child_id, viewer = require_child(call), call.require_viewer()
    mine = await models.GateFollow.get_or_none(citizen_id=viewer.user_id, child_id=child_id)
    if mine is None:
        return None
    since = call.app.clock.now() - SHOWN
    school = (await list_schools(call.app, call.deadline)).find(mine.school_code)
    events = await store.list_passages(mine.school_code, mine.pupil_ref, since, SHOWN_MAX)
    alarms = await store.list_alarms(child_id, since)
    leaves = await store.list_leaves(child_id, civil_date(call.app.clock.now()))
    return SchoolGate(
        mine.id,
        school.name if school else Named(mine.school_code, mine.school_code),
        Direction(events[0].direction) if events else None,
        [
            GateEvent(Direction(one.direction), one.occurred_at, one.gate_ref, one.is_late)
            for one in events
        ],
        [SilenceAlarm(AlarmKind(one.kind), one.raised_at, one.withdrawn_at) for one in alarms],
        [SchoolLeave(one.id, one.from_on, one.until_on) for one in leaves],
    )


@job("safety.forget_gates", lane=Lane.BULK, timeout_s=300, every="25 19 * * *")
async def forget_gates(app: App) -> None:
    """Every night: forget what gates said a month ago."""
    await store.delete_old(app.clock.now() - KEPT)
