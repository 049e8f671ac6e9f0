"""Applications at a bank: read, ask for a document, decide, confirm the disbursement."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from credit.lending import api as lending
from credit.lending.api import REASONS, ApplicationState, RepaymentForm
from credit.partner.loans import LoanView, view_of
from credit.partner.operation import Body, BodyRoot, Operation, PageQuery, View, Visit, page_of
from credit.partner.scopes import PartnerScope
from credit.partner.wire import Day, Fen, Line, Named, Ref

TAG = "applications"


class FactsView(View):
    """What one source said of the company; of withdrawn consents there is nothing."""

    source: str
    status: str = Field(description="answered, none, not_consented or down: no two mean the same.")
    values: Mapping[str, float | int | str]


class CostItemView(View):
    """One item of the cost sheet."""

    name: Named
    payee: Named
    basis: Named
    when: Named
    amount_fen: int


class DefaultCostView(View):
    """What may come on top if the loan is not performed."""

    text: Named


class CostSheetView(View):
    """All costs of an offer as one annual rate; an offer above 24 % is refused."""

    principal_fen: int
    items: Sequence[CostItemView]
    total_fen: int
    nominal_ppm: int = Field(description="Nominal annual rate in parts per million.")
    compound_ppm: int = Field(description="The same, compound.")
    on_default: Sequence[DefaultCostView]


class OfferView(View):
    """Your offer as it was made."""

    amount_fen: int
    months: int
    form: RepaymentForm
    reference: str
    reference_bps: int
    margin_bps: int
    valid_until: date
    instalments: int
    first_fen: int
    last_fen: int
    costs: CostSheetView


class ApplicationItem(View):
    """An application at your bank."""

    id: UUID
    no: str
    state: ApplicationState
    sequence: int = Field(description="Grows by one with each change; news have it too.")
    company_name: str
    uscc: str
    product: str
    product_version: int
    amount_fen: int
    months: int
    form: RepaymentForm
    purpose: str
    facts: Sequence[FactsView]
    wanted: str | None = Field(description="The document that you asked for.")
    refusal: str | None
    offer: OfferView | None
    loan_id: UUID | None
    created_at: datetime
    changed_at: datetime


class ApplicationPage(View):
    """A page of applications, the oldest first."""

    items: list[ApplicationItem]
    next_cursor: str | None


class ApplicationQuery(PageQuery):
    """Which applications."""

    state: ApplicationState | None = Field(None, description="Only those in this state.")


class DocumentRequest(Body):
    """A document that the owner is asked for."""

    document: Annotated[Line, StringConstraints(max_length=64)]


class ApprovalBody(Body):
    """An offer: the reference rate of the product plus a margin, open until a day."""

    outcome: Literal["APPROVED"]
    amount_fen: Fen
    months: int = Field(ge=1, le=360)
    form: RepaymentForm
    margin_bps: int = Field(ge=-10_000, le=10_000, description="Basis points over the reference.")
    valid_until: Day


def _known_reason(code: str) -> str:
    if code not in REASONS:
        raise ValueError("none of the reasons for a refusal")
    return code


class RefusalBody(Body):
    """A refusal with its reason, which the owner is told with what would help."""

    outcome: Literal["REFUSED"]
    reason: Annotated[str, AfterValidator(_known_reason)] = Field(
        max_length=64, json_schema_extra={"enum": list(REASONS)}
    )


class DecisionBody(BodyRoot[Annotated[ApprovalBody | RefusalBody, Field(discriminator="outcome")]]):
    """Approve with terms, or refuse with a reason."""


class DisbursementBody(Body):
    """You have paid out a signed contract, all of it (Civil Code art. 670)."""

    ref: Ref
    on: Day
    amount_fen: Fen


async def _list(visit: Visit) -> ApplicationPage:
    query: ApplicationQuery = visit.query
    rows = await lending.list_applications(
        visit.app,
        visit.bank.id,
        first=query.limit + 1,
        after=visit.after(),
        state=query.state,
    )
    return ApplicationPage(**page_of(ApplicationItem.model_validate, rows, query.limit))


async def _get(visit: Visit) -> ApplicationItem:
    application_id = visit.path_id("application_id")
    return ApplicationItem.model_validate(
        await lending.get_application(visit.app, visit.bank.id, application_id)
    )


async def _ask(visit: Visit) -> ApplicationItem:
    application_id = await _matched(visit)
    row = await lending.ask_document(
        visit.app, visit.tx, visit.bank.id, application_id, visit.body.document
    )
    return ApplicationItem.model_validate(await lending.to_application(visit.app, row))


async def _decide(visit: Visit) -> ApplicationItem:
    application_id = await _matched(visit)
    match visit.body.root:
        case ApprovalBody() as terms:
            decision: lending.Decision = lending.Approval(
                terms.amount_fen, terms.months, terms.form, terms.margin_bps, terms.valid_until
            )
        case RefusalBody() as refused:
            decision = lending.Refusal(refused.reason)
        case _:
            raise AssertionError("a decision is one of the two")
    row = await lending.decide(visit.app, visit.tx, visit.bank.id, application_id, decision)
    return ApplicationItem.model_validate(await lending.to_application(visit.app, row))


async def _disburse(visit: Visit) -> LoanView:
    application_id = visit.path_id("application_id")
    body: DisbursementBody = visit.body
    row = await lending.confirm_disbursement(
        *(visit.app, visit.tx, visit.bank.id, application_id),
        on=body.on,
        amount_fen=body.amount_fen,
        ref=body.ref,
    )
    return view_of(await lending.get_loan(visit.app, visit.bank.id, row.id))


async def _matched(visit: Visit) -> UUID:
    """The application's id, locked and as the caller read it. Raises as `require_match` does."""
    application_id = visit.path_id("application_id")
    view = await lending.lock_application(visit.app, visit.tx, visit.bank.id, application_id)
    visit.require_match(ApplicationItem.model_validate(view))
    return application_id


_READ, _DECIDE = PartnerScope.APPLICATIONS_READ, PartnerScope.APPLICATIONS_DECIDE
_ONE = "/applications/{application_id}"
OPERATIONS = (
    Operation(
        *("listApplications", "GET", "/applications", TAG, "List applications", _READ),
        ApplicationPage,
        _list,
        query=ApplicationQuery,
    ),
    Operation(
        *("getApplication", "GET", _ONE, TAG, "Read an application", _READ, ApplicationItem),
        _get,
        has_etag=True,
        description="With what the company consents to now; its ETag is what a decision names.",
    ),
    Operation(
        *("askDocument", "POST", f"{_ONE}/documents", TAG, "Ask for a document", _DECIDE),
        ApplicationItem,
        _ask,
        body=DocumentRequest,
        has_etag=True,
        needs_match=True,
    ),
    Operation(
        *("decideApplication", "POST", f"{_ONE}/decision", TAG, "Approve or refuse", _DECIDE),
        ApplicationItem,
        _decide,
        body=DecisionBody,
        has_etag=True,
        needs_match=True,
    ),
    Operation(
        *("confirmDisbursement", "POST", f"{_ONE}/disbursement", TAG, "Confirm the disbursement"),
        *(PartnerScope.LOANS_REPORT, LoanView),
        _disburse,
        body=DisbursementBody,
        status=201,
    ),
)
