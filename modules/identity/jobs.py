"""Identity's housekeeping."""

from datetime import timedelta

from core.context.app import App
from core.queue.jobs import Lane, job
from modules.identity import store

_KEPT = timedelta(days=1)


@job("identity.forget_codes", lane=Lane.BULK, every="20 19 * * *")
async def forget_codes(app: App) -> None:
    """Drop login codes that ended more than a day ago."""
    await store.delete_expired_codes(app.clock.now() - _KEPT)
