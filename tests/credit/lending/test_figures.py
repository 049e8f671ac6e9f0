"""The city's figures: 2 banks, 4 products, 1,700 companies, 735 loans just under 100 million."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.ids import is_uscc
from credit.lending.history import read_history, take_over_companies, take_over_loans
from credit.lending.products import service as products
from credit.lending.records import store
from credit.lending.seed import seed_products
from payments.ledger.accounts import loans_of
from payments.ledger.store import get_balance, trial_balance
from payments.ledger.verify import verify
from sandbox.population.companies import Companies
from sandbox.population.people import Population

SEED = 20260101
_TOTALS = """
SELECT count(*) AS loans, sum(principal_fen)::bigint AS fen, max(principal_fen) AS most,
       count(DISTINCT bank) AS banks, count(DISTINCT product) AS products,
       count(*) FILTER (WHERE status = 'OVERDUE') AS overdue,
       min(disbursed_on) AS first, max(disbursed_on) AS last
  FROM lending_loan
"""


def _listed(seed: int) -> Mapping[str, Any]:
    found = Companies(seed, Population(seed))
    companies = [
        asdict(one) | {"registered_on": one.registered_on.isoformat()} for one in found.all
    ]
    return {"companies": companies, "loans": [asdict(one) for one in found.loans]}


def test_the_same_seed_gives_the_same_companies_and_loans() -> None:
    one, again, other = _listed(SEED), _listed(SEED), _listed(SEED + 1)
    assert one == again and one["loans"] != other["loans"]
    codes = {company["uscc"] for company in one["companies"]}
    assert len(codes) == 1_700 and all(is_uscc(code) for code in codes)


async def test_the_articles_figures_stand_in_tables_and_ledger(app: App) -> None:
    await seed_products(app)
    await seed_products(app)
    companies, loans = read_history(_listed(SEED))
    current = await products.list_current()
    async with transaction() as tx:
        await take_over_companies(app, tx, companies)
        await take_over_companies(app, tx, companies)
        await take_over_loans(app, tx, loans, await store.list_company_ids(tx), current)
    (row,) = await fetch_all(connection(), _TOTALS)
    assert (row["loans"], row["banks"], row["products"]) == (735, 2, 4)
    assert 99_900_000_00 <= row["fen"] < 100_000_000_00 and row["most"] <= 10_000_000_00
    assert 1 <= row["overdue"] <= 25 and (row["last"] - row["first"]).days <= 61
    (count,) = await fetch_all(connection(), "SELECT count(*) AS n FROM lending_company")
    assert count["n"] == 1_700
    balances = [await get_balance(loans_of(bank)) for bank in ("city-bank", "rural-bank")]
    lent = sum(one.balance_fen for one in balances)
    totals = await trial_balance()
    assert 0 < lent < row["fen"]
    assert sum(t.debit_fen for t in totals) == sum(t.credit_fen for t in totals)
    assert (await verify()).sound
