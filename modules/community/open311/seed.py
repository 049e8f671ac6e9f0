"""A client of the sandbox city that files reports; its key is worth nothing anywhere else."""

from uuid import UUID

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from core.security.api_keys import to_key
from modules.community.open311 import clients

CLIENT_ID = UUID("00000000-0000-7000-8000-000000000311")
CLIENT_SECRET = "sandbox"  # noqa: S105 - everybody may know it
CLIENT_KEY = to_key(CLIENT_ID, CLIENT_SECRET)


async def seed(app: App) -> None:
    """Have the client. Repeat-safe; production is not seeded."""
    if app.settings.is_production:
        return
    async with transaction() as tx:
        await clients.put(app, tx, CLIENT_ID, "沙盒客户端", CLIENT_SECRET)


SEED = Seed(seed)
