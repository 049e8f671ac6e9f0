"""The sandbox's banks and products, as the city's file has them. Production is not seeded."""

import tomllib

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from credit.lending import store
from credit.lending.products import service as products

FILE = "loans.toml"
_PLATFORM = "platform"


async def seed(app: App) -> None:
    """Put the city's products in force where none are. Repeat-safe."""
    if app.settings.is_production:
        return
    await seed_products(app)


async def seed_products(app: App) -> None:
    """Propose and approve each product of the city's file that has no version yet."""
    path = app.settings.city_file.with_suffix("") / FILE
    items = tomllib.loads(path.read_text(encoding="utf-8"))["products"]
    for product in products.read_products(items):
        async with transaction() as tx:
            if await store.next_version(tx, product.code) == 1:
                row = await products.propose(app, tx, product, product.bank)
                await products.approve(app, tx, row.id, _PLATFORM, publish=True)


SEED = Seed(seed)
