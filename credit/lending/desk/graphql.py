"""The desks in GraphQL: a bank's officers decide on its applications, risk officers on reviews."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from core.context.call import Call
from core.graphql import (
    After,
    Connection,
    Fen,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    staff,
    view,
)
from core.people.staffing import require_officer
from core.texts import Named
from credit.lending.applications.domain import (
    REASONS,
    ApplicationState,
    ApplicationView,
    Approval,
    Offer,
    Refusal,
    RefusalReason,
)
from credit.lending.applications.graphql import LoanFactor, factors_of
from credit.lending.desk import bank_desk, figures
from credit.lending.desk.figures import LoanFigures
from credit.lending.products import service as products
from credit.lending.terms.money_terms import RepaymentForm

_BANK = staff(bank_desk.SCOPE)

view(figures.LoanFunnel)
view(figures.LoanFigures)


@view
@dataclass(frozen=True, slots=True)
class LoanFact:
    """One value that a source holds of a company."""

    name: Annotated[str, "The engine's column."]
    value: Annotated[str, "The value as text."]


@view
@dataclass(frozen=True, slots=True)
class LoanSource:
    """What one source said when the company applied."""

    source: Annotated[str, "The source."]
    status: Annotated[str, "answered, none, not_consented or down: no two mean the same."]
    facts: Annotated[Sequence[LoanFact], "What it holds."]


@view
@dataclass(frozen=True, slots=True)
class LoanAdvice:
    """What the scoring engine advises under the bank's policy. A person decides."""

    outcome: Annotated[str, "approve, refer or decline."]
    score: Annotated[int, "The score; more is better."]
    limit_fen: Annotated[int, "The most to lend; 0 unless approved."]
    factors: Annotated[Sequence[LoanFactor], "Rules that tripped, then what weighed."]
    absent: Annotated[Sequence[LoanFactor], "What was not known, and why."]
    would_help: Annotated[Named | None, "One change that would have led to an approval."]
    policy: Annotated[str, "Bank, product and version of the policy."]
    model: Annotated[str, "The model's hash."]


@view
@dataclass(frozen=True, slots=True)
class BankLoanApplication:
    """An application as its bank's officers see it: of facts what is consented to now."""

    id: Annotated[UUID, "Its id."]
    no: Annotated[str, "Its number."]
    state: Annotated[ApplicationState, "Where it stands."]
    company_name: Annotated[str, "The company."]
    uscc: Annotated[str, "Its unified social credit code."]
    product: Annotated[Named, "The product."]
    margin_least_bps: Annotated[int, "The least margin over the reference rate."]
    margin_most_bps: Annotated[int, "The most."]
    amount_fen: Annotated[int, "What is asked for."]
    months: Annotated[int, "For how many months."]
    form: Annotated[RepaymentForm, "How it is to be repaid."]
    purpose: Annotated[str, "What for."]
    sources: Annotated[Sequence[LoanSource], "What sources said."]
    advice: Annotated[
        LoanAdvice | None,
        "Null where no model has looked at it, or at facts whose source may be read no more.",
    ]
    wanted: Annotated[str | None, "A document that the owner was asked for."]
    offer: Annotated[Offer | None, "The bank's offer."]
    refusal: Annotated[RefusalReason | None, "Why the bank refused."]
    reasons: Annotated[Sequence[RefusalReason], "For what it may be refused."]
    created_at: Annotated[datetime, "When it came."]
    changed_at: Annotated[datetime, "When it last moved."]


@strawberry.input(description="An offer: the product's reference rate plus a margin.")
class LoanOfferInput:
    amount: Fen = strawberry.field(description="What would be lent.")
    months: int = strawberry.field(description="For how many months.")
    form: RepaymentForm = strawberry.field(description="How it is repaid.")
    margin_bps: int = strawberry.field(description="The margin, in basis points.")
    valid_until: date = strawberry.field(description="The last day to accept it.")


@strawberry.type(description="The application as it stands now.")
class BankLoanApplicationChanged:
    application: BankLoanApplication = strawberry.field(description="The application.")


OfferLoanResult = Annotated[
    BankLoanApplicationChanged | Refused, strawberry.union("OfferLoanResult")
]
RefuseLoanResult = Annotated[
    BankLoanApplicationChanged | Refused, strawberry.union("RefuseLoanResult")
]
AskLoanDocumentResult = Annotated[
    BankLoanApplicationChanged | Refused, strawberry.union("AskLoanDocumentResult")
]
ApplicationId = Annotated[strawberry.ID, strawberry.argument(description="The application's id.")]


@strawberry.type
class Query:
    """The query fields of a bank's officers."""

    @query(_BANK, description="For a bank's officers: its figures by product.")
    async def bank_loan_figures(self, info: Info) -> LoanFigures:
        """Of one's own bank alone."""
        officer = await require_officer(info.context, bank_desk.SCOPE)
        return await figures.read_figures(info.context.app, officer.unit)

    @query(_BANK, description="For a bank's officers: its applications, oldest first.")
    async def bank_loan_applications(
        self,
        info: Info,
        first: First,
        after: After = None,
        state: Annotated[
            ApplicationState | None, strawberry.argument(description="Only those in this state.")
        ] = None,
    ) -> Connection[BankLoanApplication]:
        """Of one's own bank alone."""
        call, first = info.context, page_size(first)
        rows = await bank_desk.list_applications(
            call, first=first + 1, after=parse_id(after) if after else None, state=state
        )
        shown = {row.id: await _shown(row) for row in rows[:first]}
        return connection(
            rows, first, lambda row: str(row.id), lambda row: shown[row.id], after=after
        )

    @query(_BANK, description="For a bank's officers: one of its applications.")
    async def bank_loan_application(self, info: Info, id: ApplicationId) -> BankLoanApplication:
        """Another bank's is not found."""
        return await _shown(await bank_desk.get_application(info.context, parse_id(id)))


@strawberry.type
class Mutation:
    """The mutation fields of a bank's officers."""

    @mutation(_BANK, description="For a bank's officers: make an offer.")
    async def offer_loan(
        self,
        info: Info,
        application_id: ApplicationId,
        offer: Annotated[LoanOfferInput, strawberry.argument(description="The bank's terms.")],
        idempotency_key: IdempotencyKey,
    ) -> OfferLoanResult:
        """Within the product's terms."""
        terms = Approval(
            offer.amount, offer.months, offer.form, offer.margin_bps, offer.valid_until
        )
        return await _decided(info.context, application_id, terms, idempotency_key)

    @mutation(_BANK, description="For a bank's officers: refuse, for a reason.")
    async def refuse_loan(
        self,
        info: Info,
        application_id: ApplicationId,
        reason: Annotated[str, strawberry.argument(description="A code of the reasons.")],
        idempotency_key: IdempotencyKey,
    ) -> RefuseLoanResult:
        """The owner is told it, and what would help."""
        return await _decided(info.context, application_id, Refusal(reason), idempotency_key)

    @mutation(_BANK, description="For a bank's officers: ask the owner for a document.")
    async def ask_loan_document(
        self,
        info: Info,
        application_id: ApplicationId,
        document: Annotated[str, strawberry.argument(description="Which document.")],
        idempotency_key: IdempotencyKey,
    ) -> AskLoanDocumentResult:
        """The application waits on."""
        row = await bank_desk.ask_document(
            info.context, parse_id(application_id), document, idempotency_key
        )
        return BankLoanApplicationChanged(application=await _shown(row))


async def _decided(
    call: Call, application_id: strawberry.ID, decision: Approval | Refusal, key: str
) -> BankLoanApplicationChanged:
    row = await bank_desk.decide(call, parse_id(application_id), decision, key)
    return BankLoanApplicationChanged(application=await _shown(row))


def to_advice(advice: Mapping[str, Any]) -> LoanAdvice:
    """What the engine advised, out of its plain form."""
    helps = advice.get("counterfactual")
    return LoanAdvice(
        outcome=advice["outcome"],
        score=advice["score"],
        limit_fen=advice["limit"],
        factors=factors_of(advice, "rules", "reasons"),
        absent=[
            LoanFactor(one["feature"], Named(one["zh"], one["en"]))
            for one in advice.get("absent", ())
        ],
        would_help=None if helps is None else Named(helps["zh"], helps["en"]),
        policy=advice["policy"],
        model=advice["model"],
    )


async def _shown(row: ApplicationView) -> BankLoanApplication:
    product = await products.get_version(row.product, row.product_version)
    return BankLoanApplication(
        id=row.id,
        no=row.no,
        state=row.state,
        company_name=row.company_name,
        uscc=row.uscc,
        product=product.title,
        margin_least_bps=product.margin_least_bps,
        margin_most_bps=product.margin_most_bps,
        amount_fen=row.amount_fen,
        months=row.months,
        form=row.form,
        purpose=row.purpose,
        sources=[
            LoanSource(one.source, one.status, [LoanFact(k, str(v)) for k, v in one.values.items()])
            for one in row.facts
        ],
        advice=None if row.advice is None else to_advice(row.advice),
        wanted=row.wanted,
        offer=row.offer,
        refusal=REASONS.get(row.refusal or ""),
        reasons=list(REASONS.values()),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
