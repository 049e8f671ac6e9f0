"""The sandbox's banks as partners: their keys are at their own addresses. Production has none."""

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from credit.lending.products import service as products
from credit.partner import banks


async def seed(app: App) -> None:
    """Register the bank of every product in force. Repeat-safe."""
    if app.settings.is_production:
        return
    names = {p.bank: p.bank_name for _, p in (await products.list_current()).values()}
    for bank_id, name in names.items():
        url = f"{app.settings.sandbox_url}/banks/{bank_id}/jwks.json"
        async with transaction() as tx:
            await banks.add(*(app, tx, bank_id), name_zh=name.zh, name_en=name.en, is_sandbox=True)
            await banks.set_keys(app, tx, bank_id, url=url)


SEED = Seed(seed)
