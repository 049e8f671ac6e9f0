"""Identity's housekeeping."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from tortoise.expressions import Q

from core.context.app import App
from core.context.sweep import sweep_pages
from core.database import transaction
from core.queue.jobs import Lane, job
from modules.identity import families, store

_KEPT = timedelta(days=1)


@job("identity.forget_codes", lane=Lane.BULK, every="20 19 * * *")
async def forget_codes(app: App) -> None:
    """Drop login codes that ended more than a day ago."""
    await store.delete_expired_codes(app.clock.now() - _KEPT)


@job("identity.end_mandates", lane=Lane.BULK, timeout_s=600, every="10 16 * * *")
async def end_mandates(app: App) -> None:
    """End the mandates and proposals whose time is over, soon after midnight in China: the last day
    of a mandate is a civil day. Repeat-safe."""
    pages = partial(store.list_over, app.clock.now())
    await sweep_pages(app, "identity.end_mandates", pages, partial(_end, app), key=lambda row: row)


async def _end(app: App, mandate_id: UUID) -> None:
    async with transaction() as tx:
        await families.end_over(tx, Q(id=mandate_id), app.clock.now())
