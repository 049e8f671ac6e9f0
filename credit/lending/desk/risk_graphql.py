"""Risk officers in GraphQL: figures, reviews, and which models and policies stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.graphql import (
    After,
    Connection,
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
from credit.api import read_book
from credit.lending.desk import figures, reviews
from credit.lending.desk.figures import LoanFigures
from credit.lending.desk.graphql import LoanAdvice, to_advice
from kinds.application import versions
from kinds.application.graphql import CaseId
from kinds.application.models import Case, Task
from kinds.application.staff_graphql import CaseTaskChanged, Note, TaskId
from kinds.application.views import CaseTaskView, CaseView, to_case, to_task

_RISK = staff(reviews.SCOPE)


@view
@dataclass(frozen=True, slots=True)
class BankAdvice:
    """The engine's advice for one bank."""

    bank: Annotated[str, "The bank's id."]
    advice: Annotated[LoanAdvice, "What it advises."]


@view
@dataclass(frozen=True, slots=True)
class LoanReview:
    """A case that a person looks at."""

    case: Annotated[CaseView, "The case with its form."]
    advice: Annotated[Sequence[BankAdvice], "The engine's last advice for each bank."]
    tasks: Annotated[Sequence[CaseTaskView], "The work on it."]


@view
@dataclass(frozen=True, slots=True)
class LoanModel:
    """A model version in the registry."""

    hash: Annotated[str, "Its hash."]
    spec: Annotated[str, "The data it is for."]
    state: Annotated[str, "draft, validated, champion, challenger, shadow or retired."]
    author: Annotated[str, "Who trained it."]
    validator: Annotated[str | None, "Who validated it."]
    valid_until: Annotated[date | None, "The last day of its validation."]
    fault: Annotated[str | None, "Why it does not stand today; null where it does."]


@view
@dataclass(frozen=True, slots=True)
class LoanPolicy:
    """A policy version in the registry."""

    name: Annotated[str, "Bank, product and version."]
    hash: Annotated[str, "Its hash."]
    proposer: Annotated[str, "Who proposed it."]
    approver: Annotated[str | None, "Who approved it; null while nobody has."]


@view
@dataclass(frozen=True, slots=True)
class LoanRegistry:
    """What may decide. It is changed on the command line, by keys of four people."""

    models: Annotated[Sequence[LoanModel], "Model versions."]
    policies: Annotated[Sequence[LoanPolicy], "Policy versions."]


TakeLoanReviewResult = Annotated[
    CaseTaskChanged | Refused, strawberry.union("TakeLoanReviewResult")
]
SettleLoanReviewResult = Annotated[
    CaseTaskChanged | Refused, strawberry.union("SettleLoanReviewResult")
]


@strawberry.type
class Query:
    """The query fields of the risk officers' desk."""

    @query(_RISK, description="For risk officers: lending by product, of one bank or all.")
    async def loan_figures(
        self,
        info: Info,
        bank: Annotated[
            str | None, strawberry.argument(description="One bank's; all unless given.")
        ] = None,
    ) -> LoanFigures:
        """As of today."""
        return await figures.read_figures(info.context.app, bank)

    @query(_RISK, description="For risk officers: applications that wait for a person.")
    async def loan_reviews(
        self, info: Info, first: First, after: After = None
    ) -> Connection[CaseTaskView]:
        """Of one's unit, oldest first."""
        call, first = info.context, page_size(first)
        rows = await reviews.list_queue(
            call, first=first + 1, after=parse_id(after) if after else None
        )
        shown = {task.id: await _task(info, task, case) for task, case in rows}
        return connection(
            rows, first, lambda row: str(row[0].id), lambda row: shown[row[0].id], after=after
        )

    @query(_RISK, description="For risk officers: such an application with the engine's advice.")
    async def loan_review(self, info: Info, case_id: CaseId) -> LoanReview:
        """Each look leaves a row in the owner's access log."""
        call = info.context
        review = await reviews.open_review(call, parse_id(case_id))
        definition = await versions.get_stored(call.app, review.case.definition_id)
        case = to_case(call, review.case, definition, review.form)
        return LoanReview(
            case=case,
            advice=[BankAdvice(bank, to_advice(one)) for bank, one in review.advice],
            tasks=[to_task(call, task, case) for task in review.tasks],
        )

    @query(_RISK, description="For risk officers: which models and policies stand today.")
    async def loan_registry(self, info: Info) -> LoanRegistry:
        """Verified at each reading."""
        app = info.context.app
        today, book = civil_date(app.clock.now()), read_book(app.settings.data_dir / "credit")
        return LoanRegistry(
            [
                LoanModel(
                    one.model, one.spec, one.state, one.author, one.validator, one.valid_until,
                    one.fault(today),
                )
                for one in book.models.values()
            ],
            [
                LoanPolicy(one.id, one.hash, one.proposer, one.approver)
                for one in book.policies.values()
            ],
        )  # fmt: skip


@strawberry.type
class Mutation:
    """The mutation fields of the risk officers' desk."""

    @mutation(_RISK, description="For risk officers: become the officer of a review.")
    async def take_loan_review(
        self, info: Info, task_id: TaskId, idempotency_key: IdempotencyKey
    ) -> TakeLoanReviewResult:
        """A colleague's too, who is away."""
        task, case = await reviews.take(info.context, parse_id(task_id), idempotency_key)
        return CaseTaskChanged(task=await _task(info, task, case))

    @mutation(_RISK, description="For risk officers: take one of a review's `steps`.")
    async def settle_loan_review(
        self,
        info: Info,
        task_id: TaskId,
        event: Annotated[str, strawberry.argument(description="The step.")],
        note: Note,
        idempotency_key: IdempotencyKey,
    ) -> SettleLoanReviewResult:
        """Pass on, turn down, overturn, uphold."""
        task, case = await reviews.settle(
            info.context, parse_id(task_id), event, note, idempotency_key
        )
        return CaseTaskChanged(task=await _task(info, task, case))


async def _task(info: Info, task: Task, row: Case) -> CaseTaskView:
    definition = await versions.get_stored(info.context.app, row.definition_id)
    return to_task(info.context, task, to_case(info.context, row, definition, {}))
