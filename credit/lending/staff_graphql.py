"""Lending in GraphQL for risk officers: the books, and product versions that await four eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.clock import civil_date
from core.context.commands import claim_key
from core.database import transaction
from core.graphql import IdempotencyKey, Info, Refused, mutation, parse_id, query, staff, view
from core.security.authorization import Scope
from credit.lending.loans import portfolio
from credit.lending.loans.portfolio import ProductBook
from credit.lending.products import service as products
from credit.lending.products.domain import Product
from credit.lending.records import store
from credit.lending.records.models import ProductVersion

view(portfolio.OverdueAge, name="LoanOverdueAge")
view(ProductBook, name="LoanProductBook")

_RISK = staff(Scope.RISK_REVIEW)


@view
@dataclass(frozen=True, slots=True)
class LoanPortfolio:
    """All loans on a day."""

    on: Annotated[date, "The day at whose end they stand so."]
    books: Annotated[Sequence[ProductBook], "By bank and product."]


@view
@dataclass(frozen=True, slots=True)
class LoanProductProposal:
    """A version of a product that somebody has proposed."""

    id: Annotated[UUID, "The version's id."]
    version: Annotated[int, "Its number."]
    state: Annotated[str, "PROPOSED, PUBLISHED, RETIRED or REJECTED."]
    proposed_by: Annotated[str, "Who proposed it."]
    proposed_at: Annotated[datetime, "When."]
    product: Annotated[Product, "What it says."]


@strawberry.type(description="The proposal is decided.")
class LoanProductDecided:
    proposal: LoanProductProposal = strawberry.field(description="The version as it stands now.")


DecideLoanProductResult = Annotated[
    LoanProductDecided | Refused, strawberry.union("DecideLoanProductResult")
]


@strawberry.type
class Query:
    """The query fields of risk officers."""

    @query(_RISK, description="All loans by bank and product: outstanding, accrued, overdue.")
    async def loan_portfolio(
        self,
        info: Info,
        bank: Annotated[
            str | None, strawberry.argument(description="One bank's loans; all unless given.")
        ] = None,
    ) -> LoanPortfolio:
        """As of today."""
        app = info.context.app
        today = civil_date(app.clock.now())
        return LoanPortfolio(today, await portfolio.read_books(app, today, bank=bank))

    @query(_RISK, description="Product versions that wait for an approval.")
    async def loan_product_proposals(self, info: Info) -> list[LoanProductProposal]:
        """Newest first."""
        return [_proposal(row) for row in await store.list_versions(state="PROPOSED")]


@strawberry.type
class Mutation:
    """The mutation field of risk officers."""

    @mutation(_RISK, description="Put a proposed product version in force, or reject it.")
    async def decide_loan_product(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The version's id.")],
        publish: Annotated[bool, strawberry.argument(description="Whether to put it in force.")],
        idempotency_key: IdempotencyKey,
    ) -> DecideLoanProductResult:
        """Never by who proposed it."""
        call, version_id = info.context, parse_id(id)
        officer = str(call.require_viewer().user_id)
        command = {"id": version_id, "publish": publish}
        async with transaction() as tx:
            claim = await claim_key(
                call, tx, "decideLoanProduct", idempotency_key, command, effect_id=version_id
            )
            if not claim.replayed:
                await products.approve(call.app, tx, version_id, officer, publish=publish)
        row = await ProductVersion.get(id=version_id)
        return LoanProductDecided(proposal=_proposal(row))


def _proposal(row: ProductVersion) -> LoanProductProposal:
    return LoanProductProposal(
        row.id, row.version, row.state, row.proposer, row.proposed_at, products.read_body(row)
    )
