"""Cases in GraphQL, for the finance office: what is open, how it is closed, by two people."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.graphql import Fen, IdempotencyKey, Info, Refused, mutation, parse_id, query, staff, view
from core.security.authorization import Scope
from payments.reconciliation import cases, corrections
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case, Correction
from payments.reconciliation.standing import Figures

view(CorrectionKind)

_CASES = 100
_FINANCE = staff(Scope.PAYMENTS_CORRECT)
CaseNo = Annotated[int, strawberry.argument(description="The case's number.")]
CorrectionId = Annotated[strawberry.ID, strawberry.argument(description="The proposal's id.")]
OurAmount = Annotated[
    Fen | None, strawberry.argument(description="The case's `ourAmount`, as who proposes saw it.")
]
TheirAmount = Annotated[
    Fen | None, strawberry.argument(description="The case's `theirAmount`, as who proposes saw it.")
]
Note = Annotated[str, strawberry.argument(description="Why; kept with the case for good.")]


@strawberry.type(description="How a case is to be closed; posted once another person approves.")
class PaymentCorrection:
    id: strawberry.ID = strawberry.field(description="The proposal's id.")
    case_no: int = strawberry.field(description="The case's number.")
    kind: CorrectionKind = strawberry.field(description="What is posted.")
    our_amount: Fen | None = strawberry.field(
        description="What the ledger had when it was proposed; approved on no other amount."
    )
    their_amount: Fen | None = strawberry.field(
        description="What the other side had when it was proposed; approved on no other amount."
    )
    note: str = strawberry.field(description="Why.")
    state: str = strawberry.field(description="`proposed`, `approved` or `rejected`.")
    proposed_at: datetime = strawberry.field(description="When it was proposed.")
    decided_at: datetime | None = strawberry.field(description="When it was decided.")


@strawberry.type(description="A difference with a PSP or payee that people have to look at.")
class PaymentCase:
    case_no: int = strawberry.field(description="Its number.")
    source: str = strawberry.field(description="Whose statement or word it differs from.")
    booked_on: date = strawberry.field(description="The day of the statement.")
    kind: str = strawberry.field(description="The kind of difference, a stable code.")
    ref: str = strawberry.field(description="Our number of the payment or refund.")
    our_amount: Fen | None = strawberry.field(description="What the ledger has.")
    their_amount: Fen | None = strawberry.field(description="What the other side has.")
    is_blocking: bool = strawberry.field(description="Whether it keeps the payee's payout back.")
    state: str = strawberry.field(description="A stable code.")
    possible: list[CorrectionKind] = strawberry.field(description="What it may be closed by.")


@strawberry.type(description="The proposal, as it then is.")
class CorrectionNoted:
    correction: PaymentCorrection = strawberry.field(description="The proposal.")


@strawberry.type(description="The case, open again.")
class CaseReopened:
    case: PaymentCase = strawberry.field(description="The case as it stands now.")


CorrectionResult = Annotated[
    CorrectionNoted | Refused,
    strawberry.union("CorrectionResult", description="The proposal, or why not."),
]
ReopenCaseResult = Annotated[
    CaseReopened | Refused,
    strawberry.union("ReopenCaseResult", description="The case, or why not."),
]


@strawberry.type
class Query:
    """The query fields of reconciliation."""

    @query(
        _FINANCE, description=f"The cases that are not settled, the oldest first; at most {_CASES}."
    )
    async def payment_cases(self, info: Info) -> list[PaymentCase]:
        """What waits for people."""
        app = info.context.app
        rows = await cases.list_cases(first=_CASES)
        return [_case(row, corrections.possible(app, row)) for row in rows]


@strawberry.type
class Mutation:
    """The mutation fields of reconciliation."""

    @mutation(
        _FINANCE,
        description="Propose how a case is closed; another person approves it. Refused with "
        "FIGURES_CHANGED where the case has other amounts by now than those that are told.",
    )
    async def propose_correction(
        self,
        info: Info,
        payment_case_no: CaseNo,
        correction: Annotated[CorrectionKind, strawberry.argument(description="What is posted.")],
        note: Note,
        idempotency_key: IdempotencyKey,
        our_amount: OurAmount = None,
        their_amount: TheirAmount = None,
    ) -> CorrectionResult:
        """One proposal at a time for a case."""
        call = info.context
        made = await corrections.propose(
            call.app,
            payment_case_no,
            correction,
            seen=Figures(our_amount, their_amount),
            staff_id=call.require_viewer().user_id,
            note=note,
            key=idempotency_key,
        )
        return CorrectionNoted(correction=_correction(made))

    @mutation(_FINANCE, description="Approve or decline what another person has proposed.")
    async def decide_correction(
        self,
        info: Info,
        id: CorrectionId,
        approved: Annotated[bool, strawberry.argument(description="Whether it is to be posted.")],
        idempotency_key: IdempotencyKey,
    ) -> CorrectionResult:
        """Approved, it is posted and the case closed, in one step."""
        call, decide = info.context, corrections.approve if approved else corrections.reject
        staff_id = call.require_viewer().user_id
        return CorrectionNoted(
            correction=_correction(await decide(call.app, parse_id(id), staff_id=staff_id))
        )

    @mutation(_FINANCE, description="Open a case that was closed wrongly.")
    async def reopen_payment_case(
        self, info: Info, payment_case_no: CaseNo, note: Note, idempotency_key: IdempotencyKey
    ) -> ReopenCaseResult:
        """What was posted stays; the next correction corrects it."""
        call = info.context
        case = await corrections.reopen(
            call.app,
            payment_case_no,
            staff_id=call.require_viewer().user_id,
            note=note,
            key=idempotency_key,
        )
        return CaseReopened(case=_case(case, corrections.possible(call.app, case)))


def _case(row: Case, possible: frozenset[CorrectionKind]) -> PaymentCase:
    return PaymentCase(
        case_no=row.id,
        source=row.source,
        booked_on=row.booked_on,
        kind=row.kind,
        ref=row.ref,
        our_amount=_amount(row.our_fen),
        their_amount=_amount(row.their_fen),
        is_blocking=row.blocking,
        state=row.state,
        possible=sorted(possible),
    )


def _correction(row: Correction) -> PaymentCorrection:
    return PaymentCorrection(
        id=strawberry.ID(str(row.id)),
        case_no=row.case_id,
        kind=CorrectionKind(row.kind),
        our_amount=_amount(row.our_fen),
        their_amount=_amount(row.their_fen),
        note=row.note,
        state=row.state,
        proposed_at=row.proposed_at,
        decided_at=row.decided_at,
    )


def _amount(fen: int | None) -> Fen | None:
    return None if fen is None else Fen(fen)
