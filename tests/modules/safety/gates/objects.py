"""What the matrix of access tries the ids of the services about schools with."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.ids import new_id
from core.security.authentication import Viewer
from modules.identity.models import Mandate
from modules.safety.gates.models import GateFollow, SchoolLeave


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One object of each kind that belongs to somebody, by "field.argument"."""
    now, child_id = app.clock.now(), new_id()
    await Mandate.create(
        id=new_id(),
        kind="guardian",
        actor_id=who.user_id,
        subject_id=child_id,
        state="active",
        proposed_at=now,
        confirmed_at=now,
        ends_at=now + timedelta(days=365),
    )
    follow = await GateFollow.create(
        id=new_id(),
        citizen_id=who.user_id,
        child_id=child_id,
        school_code="s001",
        pupil_ref="P1",
        created_at=now,
    )
    leave = await SchoolLeave.create(
        id=new_id(),
        citizen_id=who.user_id,
        child_id=child_id,
        from_on=civil_date(now),
        until_on=civil_date(now) + timedelta(days=1),
        created_at=now,
    )
    return {
        "unfollowSchoolGate.subscriptionId": follow.id,
        "withdrawSchoolLeave.leaveId": leave.id,
    }
