"""A hotel of the sandbox city that checks licences; its key is worth nothing anywhere else."""

from uuid import UUID

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from modules.affairs.verifiers import service

HOTEL_ID = UUID("00000000-0000-7000-8000-0000000000e1")
HOTEL_SECRET = "sandbox"  # noqa: S105 - everybody may know it
HOTEL_KEY = f"{HOTEL_ID.hex}.{HOTEL_SECRET}"


async def seed(app: App) -> None:
    """Have the hotel. Repeat-safe; production is not seeded."""
    if app.settings.is_production:
        return
    async with transaction() as tx:
        await service.put(app, tx, HOTEL_ID, "沙盒宾馆", HOTEL_SECRET)


SEED = Seed(seed)
