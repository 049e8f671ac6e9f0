"""What the matrix of access tries this service's ids with."""

from collections.abc import Mapping
from uuid import UUID

from core.context.app import App
from core.ids import new_id
from core.security.authentication import Viewer
from modules._example.subscription.models import ExampleSubscriptionDistrict
from tests.modules._example.subscription.fakes import DISTRICTS


async def objects_of(app: App, who: Viewer) -> Mapping[str, UUID]:
    """One object of each kind that belongs to somebody, by "field.argument"."""
    row = await ExampleSubscriptionDistrict.create(
        id=new_id(),
        citizen_id=who.user_id,
        district_code=DISTRICTS[0],
        created_at=app.clock.now(),
    )
    return {"removeExampleSubscription.subscriptionId": row.id}
