"""The job of campaigns."""

from uuid import UUID

from core.context.app import App
from core.queue.jobs import Lane, job
from notifications.campaigns import service


@job("notifications.campaign_step", lane=Lane.BULK, timeout_s=60)
async def campaign_step(app: App, campaign_id: UUID, after_id: UUID) -> None:
    """Give the next thousand people their messages. Repeat-safe."""
    await service.step(app, campaign_id, after_id)
