"""Service 63 in GraphQL: how one's loans stand, what is due, and paying it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.database import transaction
from core.errors import InvalidInput
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
    of_service,
    page_size,
    parse_id,
    query,
    view,
)
from credit.lending.loans import events, replay
from credit.lending.loans.events import Prepayment
from credit.lending.loans.payable import KIND, subject_of
from credit.lending.loans.replay import Bill, LoanStatus
from credit.lending.loans.service import LoanRecord, get_record, to_record
from credit.lending.records import store, texts
from credit.lending.terms.money_terms import Part
from credit.lending.terms.schedule import Row
from kinds.payment import PaymentStarted, open_cashier
from payments import api as payments

SERVICE = "loan-progress"
_DAYS_AHEAD_MOST = 366

view(replay.LoanStatus, name="LoanStatus")
view(replay.Bill, name="LoanBill", hidden=("penal_to",))
view(events.Prepayment, name="LoanPrepayment")

LoanId = Annotated[strawberry.ID, strawberry.argument(description="The loan's id.")]


@view
@dataclass(frozen=True, slots=True)
class LoanPaid:
    """What has been paid of one part."""

    part: Annotated[Part, "Of what."]
    amount_fen: Annotated[int, "How much."]


@view
@dataclass(frozen=True, slots=True)
class LoanAccount:
    """A loan as it stands today."""

    id: Annotated[UUID, "The loan's id."]
    no: Annotated[str, "Its number."]
    bank: Annotated[str, "The bank's id."]
    status: Annotated[LoanStatus, "How it stands."]
    disbursed_on: Annotated[date, "When it was paid out."]
    disbursed_fen: Annotated[int, "What was paid out."]
    principal_fen: Annotated[int, "The principal that is left."]
    due_fen: Annotated[int, "What is due now: instalments, penalty and costs."]
    payoff_fen: Annotated[int, "What closes it today."]
    days_overdue: Annotated[int, "Since how many days something is overdue; 0: nothing is."]
    next_due_on: Annotated[date | None, "When the next instalment is due."]
    bills: Annotated[Sequence[Bill], "The instalments so far."]
    instalments: Annotated[Sequence[Row], "The instalments to come."]
    paid: Annotated[Sequence[LoanPaid], "What has been paid, by part."]


@view
@dataclass(frozen=True, slots=True)
class LoanPayoff:
    """What closes a loan on a day: nothing remains after it."""

    on: Annotated[date, "The day."]
    amount_fen: Annotated[int, "What is to be paid on it."]


RepayLoanResult = Annotated[PaymentStarted | Refused, strawberry.union("RepayLoanResult")]


@strawberry.type
class Query:
    """The query fields of service 63."""

    @query(of_service(SERVICE), description="The viewer's loans, oldest first.")
    async def loans(self, info: Info, first: First, after: After = None) -> Connection[LoanAccount]:
        """Closed ones too."""
        call, first = info.context, page_size(first)
        rows = await store.list_loans(
            person_id=call.require_viewer().user_id,
            first=first + 1,
            after=parse_id(after) if after else None,
        )
        shown = {row.id: to_account(await to_record(call.app, row)) for row in rows}
        return connection(
            rows, first, lambda row: str(row.id), lambda row: shown[row.id], after=after
        )

    @query(of_service(SERVICE), description="What closes one of the viewer's loans on a day.")
    async def loan_payoff(
        self,
        info: Info,
        loan_id: LoanId,
        on: Annotated[
            date | None, strawberry.argument(description="The day, today unless given.")
        ] = None,
    ) -> LoanPayoff:
        """If it is paid on that day and nothing else happens before."""
        call, today = info.context, civil_date(info.context.app.clock.now())
        day = today if on is None else on
        if not 0 <= (day - today).days <= _DAYS_AHEAD_MOST:
            raise InvalidInput(texts.DAY_WRONG, "on")
        found = await _get(call, loan_id)
        then = await to_record(call.app, found.row, day)
        return LoanPayoff(day, then.loan.payoff_fen)


@strawberry.type
class Mutation:
    """The mutation field of service 63."""

    @mutation(of_service(SERVICE), description="Pay something of a loan through a PSP.")
    async def repay_loan(
        self,
        info: Info,
        loan_id: LoanId,
        amount: Annotated[Fen, strawberry.argument(description="How much.")],
        idempotency_key: IdempotencyKey,
        prepays: Annotated[
            Prepayment | None,
            strawberry.argument(
                description="What becomes of the part that is not due; null: it waits."
            ),
        ] = None,
        method: payments.Method = None,
        channel: payments.Channel = None,
    ) -> RepayLoanResult:
        """How it goes on is told by `payment` and `paymentChanged`."""
        call = info.context
        found = await _get(call, loan_id)
        subject, wish = subject_of(found.row, amount, prepays), payments.wish_of(method, channel)
        async with transaction() as tx:
            intent_id = await payments.create_intent(
                call, tx, kind=KIND, subject_ref=subject, key=idempotency_key, wish=wish
            )
        return PaymentStarted(payment=await open_cashier(call, intent_id))


async def _get(call: Call, loan_id: str) -> LoanRecord:
    person_id = call.require_viewer().user_id
    return await get_record(call.app, parse_id(loan_id), person_id=person_id)


def to_account(found: LoanRecord) -> LoanAccount:
    """A loan as its borrower sees it."""
    row, loan = found.row, found.loan
    return LoanAccount(
        id=row.id,
        no=row.no,
        bank=row.bank,
        status=loan.status,
        disbursed_on=row.disbursed_on,
        disbursed_fen=loan.disbursed_fen,
        principal_fen=loan.principal_fen,
        due_fen=loan.billed_fen + loan.penalty_fen + loan.costs_fen,
        payoff_fen=loan.payoff_fen,
        days_overdue=loan.days_overdue,
        next_due_on=loan.rows[0].due_on if loan.rows else None,
        bills=loan.bills,
        instalments=loan.rows,
        paid=[LoanPaid(part, fen) for part, fen in loan.paid.items() if fen],
    )
