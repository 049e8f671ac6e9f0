"""What mobility forgets by itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core.context.app import App
from modules.mobility.models import Fine, ParkingCharge, Trip

KEPT = timedelta(days=30)


async def forget(app: App, _payload: Mapping[str, Any]) -> None:
    """Scheduled job: drop stays, fines and trips that nobody began to pay or looked at for a month.

    Repeat-safe: what is still there at its upstream comes back when it is looked at again.
    """
    before = app.clock.now() - KEPT
    for kept in (ParkingCharge, Fine, Trip):
        await kept.filter(intent_id__isnull=True, seen_at__lt=before).delete()
