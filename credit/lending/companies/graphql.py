"""Companies in GraphQL: take on one's own, and say which bank may have what of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    view,
)
from credit.lending.companies import service
from credit.lending.companies.service import SERVICE, Standing
from credit.lending.records import store

CompanyId = Annotated[strawberry.ID, strawberry.argument(description="The company's id.")]
Bank = Annotated[str, strawberry.argument(description="The bank's id.")]
Sources = Annotated[list[str], strawberry.argument(description="The sources, by name.")]


@view
@dataclass(frozen=True, slots=True)
class LoanConsent:
    """One bank may have what one source knows of the company, for loans alone."""

    bank: Annotated[str, "The bank's id."]
    source: Annotated[str, "The source."]
    given_at: Annotated[datetime, "Since when."]


@view
@dataclass(frozen=True, slots=True)
class LoanCompany:
    """A company that the viewer may act for."""

    id: Annotated[UUID, "The company's id."]
    uscc: Annotated[str, "Its unified social credit code."]
    name: Annotated[str, "Its registered name."]
    registered_on: Annotated[date, "When it was registered."]
    is_representative: Annotated[bool, "Whether the viewer is its legal representative."]
    limit_fen: Annotated[int | None, "The most that the viewer may apply for; null: no limit."]
    consents: Annotated[Sequence[LoanConsent], "Which bank may have what."]


@strawberry.type(description="The company as it stands now.")
class LoanCompanyChanged:
    company: LoanCompany = strawberry.field(description="The company with its consents.")


LinkLoanCompanyResult = Annotated[
    LoanCompanyChanged | Refused, strawberry.union("LinkLoanCompanyResult")
]
GiveLoanConsentsResult = Annotated[
    LoanCompanyChanged | Refused, strawberry.union("GiveLoanConsentsResult")
]
WithdrawLoanConsentsResult = Annotated[
    LoanCompanyChanged | Refused, strawberry.union("WithdrawLoanConsentsResult")
]


@strawberry.type
class Query:
    """The query field of companies."""

    @query(of_service(SERVICE), description="The companies that the viewer may act for.")
    async def loan_companies(self, info: Info) -> list[LoanCompany]:
        """With their consents."""
        person_id = info.context.require_viewer().user_id
        found = await store.list_companies_of(person_id)
        return [await _show(Standing(company, member)) for company, member in found]


@strawberry.type
class Mutation:
    """The mutation fields of companies."""

    @mutation(of_service(SERVICE), description="Take on a company as its legal representative.")
    async def link_loan_company(
        self,
        info: Info,
        uscc: Annotated[str, strawberry.argument(description="Its unified social credit code.")],
        idempotency_key: IdempotencyKey,
    ) -> LinkLoanCompanyResult:
        """The public register is asked who that is."""
        standing = await service.link_company(info.context, uscc, idempotency_key)
        return LoanCompanyChanged(company=await _show(standing))

    @mutation(of_service(SERVICE), description="Let a bank have what sources know.", waits=True)
    async def give_loan_consents(
        self,
        info: Info,
        company_id: CompanyId,
        bank: Bank,
        sources: Sources,
        idempotency_key: IdempotencyKey,
    ) -> GiveLoanConsentsResult:
        """For loans alone, until it is withdrawn."""
        call, id_ = info.context, parse_id(company_id)
        await service.give_consents(call, id_, bank, sources, idempotency_key)
        return LoanCompanyChanged(company=await _show(await service.get_company(call, id_)))

    @mutation(of_service(SERVICE), description="Let a bank have it no more, from now on.")
    async def withdraw_loan_consents(
        self,
        info: Info,
        company_id: CompanyId,
        bank: Bank,
        sources: Sources,
        idempotency_key: IdempotencyKey,
    ) -> WithdrawLoanConsentsResult:
        """The bank is told."""
        call, id_ = info.context, parse_id(company_id)
        await service.withdraw_consents(call, id_, bank, sources, idempotency_key)
        return LoanCompanyChanged(company=await _show(await service.get_company(call, id_)))


async def _show(standing: Standing) -> LoanCompany:
    company, member = standing.company, standing.member
    consents = await store.list_live_consents(company.id)
    return LoanCompany(
        company.id,
        company.uscc,
        company.name,
        company.registered_on,
        member.role == service.REPRESENTATIVE,
        member.limit_fen,
        [LoanConsent(one.bank, one.source, one.given_at) for one in consents],
    )
