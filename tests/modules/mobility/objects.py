"""What the matrix of access tries the ids of mobility with."""

from collections.abc import Mapping
from uuid import UUID

from core.context.app import App
from core.ids import new_id
from core.security.authentication import Viewer
from modules.mobility.arrival_alerts.models import PLACE, ArrivalAlert


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One object of each kind that belongs to somebody, by "field.argument"."""
    row = await ArrivalAlert.create(
        id=new_id(),
        citizen_id=who.user_id,
        label="",
        place_sealed=app.vault.encrypt(
            '{"stop_ref": "B", "line_ref": "L1", "trip_ref": null}', PLACE
        ),
        minutes_before=5,
        by_schedule=False,
        weekdays=1,
        window_from_s=0,
        window_until_s=60,
        created_at=app.clock.now(),
    )
    return {"removeArrivalAlert.subscriptionId": row.id}
