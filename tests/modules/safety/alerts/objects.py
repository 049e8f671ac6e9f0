"""What the matrix of access tries the ids of alert places with."""

from collections.abc import Mapping
from uuid import UUID

from core.context.app import App
from core.ids import new_id
from core.security.authentication import Viewer
from modules.safety.alerts.models import AlertPlace


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One object of each kind that belongs to somebody, by "field.argument"."""
    row = await AlertPlace.create(
        id=new_id(),
        citizen_id=who.user_id,
        kind="CITY",
        label="",
        cell="",
        district_code="",
        min_level="MINOR",
        wants_drills=False,
        created_at=app.clock.now(),
    )
    return {"unwatchAlerts.subscriptionId": row.id}
