"""Service 62 in GraphQL beyond the case itself: the banks' answers, accepting one, signing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import strawberry

from core.context.call import Call
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
from core.texts import Named
from credit.lending.applications import bank_side, domain, owner_side
from credit.lending.applications.definition import SERVICE
from credit.lending.applications.domain import REASONS, ApplicationState, Offer, RefusalReason
from credit.lending.products import service as products
from credit.lending.records.models import BankApplication

view(domain.ApplicationState, name="LoanApplicationState")
view(domain.RefusalReason, name="LoanRefusalReason")
view(domain.Offer, name="LoanOffer")

ApplicationId = Annotated[
    strawberry.ID, strawberry.argument(description="The application at a bank, by its id.")
]


@view
@dataclass(frozen=True, slots=True)
class LoanFactor:
    """Something that the engine's advice rests on."""

    code: Annotated[str, "A stable code."]
    title: Annotated[Named, "What it is."]


@view
@dataclass(frozen=True, slots=True)
class LoanAnswer:
    """An application at one bank, and what the bank says."""

    id: Annotated[UUID, "Its id."]
    no: Annotated[str, "Its number."]
    bank: Annotated[str, "The bank's id."]
    bank_name: Annotated[Named, "The bank."]
    product: Annotated[Named, "The product."]
    state: Annotated[ApplicationState, "Where it stands."]
    offer: Annotated[Offer | None, "The offer; null where there is none."]
    rate_bps: Annotated[int | None, "The offer's annual interest rate, in basis points."]
    refusal: Annotated[RefusalReason | None, "Why it was refused, and what would help."]
    factors: Annotated[
        Sequence[LoanFactor], "What weighed in the advice; empty where no model has looked at it."
    ]
    would_help: Annotated[Named | None, "One change that would have led to an approval."]
    wanted: Annotated[str | None, "A document that the bank asks for."]
    contract_path: Annotated[
        str | None, "Where the signed contract is read, with the same Authorization header."
    ]
    changed_at: Annotated[datetime, "When it last moved."]


def factors_of(advice: Mapping[str, Any], *lists: str) -> list[LoanFactor]:
    """What stands in some lists of the engine's advice, in its plain form."""
    items = [one for name in lists for one in advice.get(name, ())]
    return [LoanFactor(one["code"], Named(one["zh"], one["en"])) for one in items]


@strawberry.type(description="The answer as it stands now.")
class LoanAnswerChanged:
    answer: LoanAnswer = strawberry.field(description="The application at the bank.")


@strawberry.type(description="The contract is signed for both sides.")
class LoanContractSigned:
    answer: LoanAnswer = strawberry.field(description="The application at the bank.")
    sha256: str = strawberry.field(description="The hash of the PDF, in hexadecimal.")


AcceptLoanOfferResult = Annotated[
    LoanAnswerChanged | Refused, strawberry.union("AcceptLoanOfferResult")
]
SignLoanContractResult = Annotated[
    LoanContractSigned | Refused, strawberry.union("SignLoanContractResult")
]


@strawberry.type
class Query:
    """The query field of the banks' answers."""

    @query(of_service(SERVICE), description="What the banks say to one of the viewer's cases.")
    async def loan_answers(
        self,
        info: Info,
        case_id: Annotated[strawberry.ID, strawberry.argument(description="The case's id.")],
    ) -> list[LoanAnswer]:
        """Offers side by side, refusals with their reasons."""
        rows = await owner_side.list_answers(info.context, parse_id(case_id))
        return [await to_answer(info.context, row) for row in rows]


@strawberry.type
class Mutation:
    """The mutation fields of the banks' answers."""

    @mutation(
        of_service(SERVICE), description="Accept an offer; the others are declined.", waits=True
    )
    async def accept_loan_offer(
        self, info: Info, application_id: ApplicationId, idempotency_key: IdempotencyKey
    ) -> AcceptLoanOfferResult:
        """It is signed next."""
        call = info.context
        row = await owner_side.accept_offer(call, parse_id(application_id), idempotency_key)
        return LoanAnswerChanged(answer=await to_answer(call, row))

    @mutation(of_service(SERVICE), description="Sign the accepted offer's contract.", waits=True)
    async def sign_loan_contract(
        self, info: Info, application_id: ApplicationId, idempotency_key: IdempotencyKey
    ) -> SignLoanContractResult:
        """The bank pays out next."""
        call, id_ = info.context, parse_id(application_id)
        contract = await owner_side.sign_contract(call, id_, idempotency_key)
        row, _ = await owner_side.read_contract(call, id_)
        return LoanContractSigned(answer=await to_answer(call, row), sha256=contract.sha256)


async def to_answer(call: Call, row: BankApplication) -> LoanAnswer:
    """An application at a bank as its owner sees it."""
    product = await products.get_version(row.product, row.product_version)
    offer = bank_side.offer_of(row)
    advice: Mapping[str, Any] = orjson.loads(row.assessment) if row.assessment else {}
    helps = advice.get("counterfactual")
    is_signed = row.state in (ApplicationState.SIGNED, ApplicationState.DISBURSED)
    return LoanAnswer(
        id=row.id,
        no=row.no,
        bank=row.bank,
        bank_name=product.bank_name,
        product=product.title,
        state=ApplicationState(row.state),
        offer=offer,
        rate_bps=None if offer is None else offer.rate_bps,
        refusal=REASONS.get(row.refusal or ""),
        factors=factors_of(advice, "rules", "reasons"),
        would_help=None if helps is None else Named(helps["zh"], helps["en"]),
        wanted=row.wanted,
        contract_path=f"/loans/contracts/{row.id}.pdf" if is_signed else None,
        changed_at=row.changed_at,
    )
