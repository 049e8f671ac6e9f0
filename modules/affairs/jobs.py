"""What affairs forgets by itself."""

from datetime import timedelta

from core.context.app import App
from core.queue.jobs import Lane, job
from modules.affairs.models import LicencePresentation

KEPT = timedelta(days=1)


@job("affairs.forget", lane=Lane.BULK, every="50 19 * * *")
async def forget(app: App) -> None:
    """Drop presentations of yesterday; who read one stays in the access log. Repeat-safe."""
    await LicencePresentation.filter(expires_at__lt=app.clock.now() - KEPT).delete()
