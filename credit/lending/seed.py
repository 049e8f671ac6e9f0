"""The sandbox's banks and products, companies and loans of two months. Production is not seeded."""

import tomllib

from core.context.app import App
from core.context.contributions import Seed
from core.database import transaction
from core.deadline import Deadline
from core.queue.jobs import job
from credit.lending.history import read_history, take_over_companies, take_over_loans
from credit.lending.products import service as products
from credit.lending.records import store

FILE = "loans.toml"
_PLATFORM = "platform"
_DEADLINE_S = 20.0


async def seed(app: App) -> None:
    """Put the city's products in force where none are, and have its figures taken over as soon as
    the sandbox runs. Repeat-safe."""
    if app.settings.is_production:
        return
    await seed_products(app)
    async with transaction() as tx:
        await seed_figures.enqueue(app, tx, key="seed")


async def seed_products(app: App) -> None:
    """Propose and approve each product of the city's file that has no version yet."""
    path = app.settings.city_file.with_suffix("") / FILE
    items = tomllib.loads(path.read_text(encoding="utf-8"))["products"]
    for product in products.read_products(items):
        async with transaction() as tx:
            if await store.next_version(tx, product.code) == 1:
                row = await products.propose(app, tx, product, product.bank)
                await products.approve(app, tx, row.id, _PLATFORM, publish=True)


@job("credit.seed_figures", max_delay_s=10, timeout_s=120)
async def seed_figures(app: App) -> None:
    """Take over the sandbox's companies and past loans, once."""
    if app.settings.is_production:
        return
    sandbox = app.http.upstream("sandbox", app.settings.sandbox_url)
    answer = await sandbox.request(
        "GET",
        "/_control/company-register/history",
        operation="list_history",
        deadline=Deadline.after(_DEADLINE_S),
    )
    companies, loans = read_history(answer.json())
    current = await products.list_current()
    async with transaction() as tx:
        if await store.has_loans(tx):
            return
        await take_over_companies(app, tx, companies)
        ids = await store.list_company_ids(tx)
        await take_over_loans(app, tx, loans, ids, current)


SEED = Seed(seed)
