"""What mobility forgets by itself."""

from datetime import timedelta

from core.context.app import App
from core.queue.jobs import Lane, job
from modules.mobility.models import Fine, ParkingCharge, Trip

KEPT = timedelta(days=30)


@job("mobility.forget", lane=Lane.BULK, every="45 19 * * *")
async def forget(app: App) -> None:
    """Drop stays, fines and trips that nobody began to pay or looked at for a month.

    Repeat-safe: what is still there at its upstream comes back when it is looked at again.
    """
    before = app.clock.now() - KEPT
    for kept in (ParkingCharge, Fine, Trip):
        await kept.filter(intent_id__isnull=True, seen_at__lt=before).delete()
