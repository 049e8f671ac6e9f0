"""The figures of lending by product: the way of applications, rates, what is owed and overdue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from core.clock import civil_date
from core.context.app import App
from core.texts import Named
from credit.lending.applications.domain import ApplicationState
from credit.lending.loans import portfolio
from credit.lending.loans.portfolio import ProductBook
from credit.lending.products import service as products
from credit.lending.records import store

_S = ApplicationState


@dataclass(frozen=True, slots=True)
class LoanFunnel:
    """How far the applications for a product came."""

    bank: Annotated[str, "The bank's id."]
    product: Annotated[str, "The product's code."]
    title: Annotated[Named, "The product's name."]
    received: Annotated[int, "Applications in all."]
    waiting: Annotated[int, "For the bank's answer."]
    refused: Annotated[int, "Refused by the bank."]
    offered: Annotated[int, "Ever made an offer."]
    signed: Annotated[int, "Contracts signed, paid out or not."]
    disbursed: Annotated[int, "Paid out."]
    asked_fen: Annotated[int, "What was applied for in all."]

    @property
    def approval_bps(self) -> Annotated[int | None, "Offers among answers, in basis points."]:
        """Null where the bank has answered nothing yet."""
        answers = self.offered + self.refused
        return None if not answers else round(self.offered * 10_000 / answers)


@dataclass(frozen=True, slots=True)
class LoanFigures:
    """Lending on a day, by product."""

    on: Annotated[date, "The day at whose end loans stand so."]
    companies: Annotated[int, "Companies that have registered."]
    funnels: Annotated[Sequence[LoanFunnel], "Applications, by bank and product."]
    books: Annotated[Sequence[ProductBook], "Loans, by bank and product."]


async def read_figures(app: App, bank: str | None) -> LoanFigures:
    """The figures of one bank, or of all, today."""
    today = civil_date(app.clock.now())
    titles = {code: product.title for code, (_, product) in (await products.list_current()).items()}
    return LoanFigures(
        today,
        await store.count_companies(),
        funnels_of(await store.count_by_state(bank), titles),
        await portfolio.read_books(app, today, bank=bank),
    )


def funnels_of(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, Named]) -> list[LoanFunnel]:
    """Counts by state as funnels by product."""
    grouped: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["bank"], row["product"]), {})[row["state"]] = row
    return [_funnel(key, states, titles) for key, states in sorted(grouped.items())]


def _funnel(
    key: tuple[str, str], states: Mapping[str, Mapping[str, Any]], titles: Mapping[str, Named]
) -> LoanFunnel:
    bank, product = key

    def count(*names: ApplicationState) -> int:
        return sum(states[name]["count"] for name in names if name in states)

    return LoanFunnel(
        bank=bank,
        product=product,
        title=titles.get(product, Named(product, product)),
        received=sum(row["count"] for row in states.values()),
        waiting=count(_S.RECEIVED),
        refused=count(_S.REFUSED),
        offered=sum(row["offers"] for row in states.values()),
        signed=count(_S.SIGNED, _S.DISBURSED),
        disbursed=count(_S.DISBURSED),
        asked_fen=sum(row["amount_fen"] for row in states.values()),
    )
