"""Loans of a bank: read, repayments reported and taken back, overdue reported."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from core.clock import civil_date
from core.database import lock_name
from core.errors import InvalidInput
from core.ids import new_id
from credit.lending import api as lending
from credit.lending.api import LoanStatus, Prepayment, RepaymentForm
from credit.partner.models import OverdueReport
from credit.partner.operation import Body, Operation, PageQuery, View, Visit, page_of
from credit.partner.scopes import PartnerScope
from credit.partner.texts import DAY_AHEAD
from credit.partner.wire import Day, Fen, Line, Ref

TAG = "loans"
DAYS_MOST = 36_500
_PPM_OF_BP = 100


class NextDue(View):
    """The next instalment."""

    due_on: date
    due_fen: int


class LoanView(View):
    """A loan as it stands today, by the events that were reported."""

    id: UUID
    no: str
    application_id: UUID
    product: str
    principal_fen: int = Field(description="What was paid out.")
    disbursed_on: date
    status: LoanStatus
    sequence: int
    outstanding_fen: int = Field(description="Principal that is left.")
    billed_fen: int = Field(description="What was due and is not paid.")
    penalty_fen: int
    costs_fen: int
    payoff_fen: int = Field(description="What closes the loan today.")
    days_overdue: int
    next_due: NextDue | None
    created_at: datetime


class LoanPage(View):
    """A page of loans, the oldest first."""

    items: list[LoanView]
    next_cursor: str | None


class RepaymentBody(Body):
    """The borrower has paid you on a day."""

    ref: Ref
    on: Day
    amount_fen: Fen
    prepays: Prepayment | None = Field(
        None, description="What becomes of the part that is not due; null: it waits."
    )


class ChargeBody(Body):
    """A fee, or your cost of collecting."""

    ref: Ref
    on: Day
    amount_fen: Fen


class RateBody(Body):
    """The annual rate from a day on."""

    ref: Ref
    on: Day
    rate_bps: int = Field(ge=1, le=2_400, description="In basis points: 345 is 3.45 %.")


class RescheduleBody(Body):
    """You and the borrower have agreed on another schedule from a day on (展期、重组)."""

    ref: Ref
    on: Day
    months: int = Field(ge=1, le=360, description="The first instalment is due a month later.")
    form: RepaymentForm
    rate_bps: int = Field(ge=1, le=2_400, description="The annual rate, in basis points.")


class WriteOffBody(Body):
    """You give the loan up in your books; it stays owed."""

    ref: Ref
    on: Day


class ReversalBody(Body):
    """A report that was wrong: a repayment that bounced, a charge that was none."""

    ref: Ref
    reason: Annotated[Line, StringConstraints(max_length=64)]


class OverdueBody(Body):
    """What is overdue by your books at the end of a day."""

    on: Day
    overdue_fen: int = Field(ge=0, le=10**12, description="Principal and interest; no penalty.")
    days_overdue: int = Field(ge=0, le=DAYS_MOST)


class OverdueView(View):
    """Your report beside our books; where they differ, see the reconciliation."""

    on: date
    overdue_fen: int
    days_overdue: int
    our_overdue_fen: int
    our_days_overdue: int
    agrees: bool


def view_of(record: lending.LoanRecord) -> LoanView:
    """A loan as its bank sees it."""
    row, loan = record.row, record.loan
    following = loan.rows[0] if loan.rows else None
    return LoanView(
        id=row.id,
        no=row.no,
        application_id=row.application_id,
        product=row.product,
        principal_fen=row.principal_fen,
        disbursed_on=row.disbursed_on,
        status=loan.status,
        sequence=row.sequence,
        outstanding_fen=loan.principal_fen,
        billed_fen=loan.billed_fen,
        penalty_fen=loan.penalty_fen,
        costs_fen=loan.costs_fen,
        payoff_fen=loan.payoff_fen,
        days_overdue=loan.days_overdue,
        next_due=following and NextDue(due_on=following.due_on, due_fen=following.due_fen),
        created_at=row.created_at,
    )


async def _list(visit: Visit) -> LoanPage:
    limit, after = visit.query.limit, visit.after()
    rows = await lending.list_loans(visit.app, visit.bank.id, first=limit + 1, after=after)
    return LoanPage(**page_of(view_of, rows, limit))


async def _get(visit: Visit) -> LoanView:
    return view_of(await lending.get_loan(visit.app, visit.bank.id, visit.path_id("loan_id")))


async def _repay(visit: Visit) -> LoanView:
    body: RepaymentBody = visit.body
    record = await lending.record_repayment(
        *(visit.app, visit.tx, visit.bank.id, visit.path_id("loan_id")),
        ref=body.ref,
        on=body.on,
        amount_fen=body.amount_fen,
        prepays=body.prepays,
    )
    return view_of(record)


async def _charge(visit: Visit) -> LoanView:
    body: ChargeBody = visit.body
    return await _record(visit, lending.Charged(body.ref, body.on, body.amount_fen))


async def _change_rate(visit: Visit) -> LoanView:
    body: RateBody = visit.body
    rate_ppm = body.rate_bps * _PPM_OF_BP
    return await _record(visit, lending.RateChanged(body.ref, body.on, rate_ppm))


async def _reschedule(visit: Visit) -> LoanView:
    body: RescheduleBody = visit.body
    record = await lending.reschedule(
        *(visit.app, visit.tx, visit.bank.id, visit.path_id("loan_id")),
        ref=body.ref,
        on=body.on,
        months=body.months,
        form=body.form,
        rate_bps=body.rate_bps,
    )
    return view_of(record)


async def _write_off(visit: Visit) -> LoanView:
    return await _record(visit, lending.WrittenOff(visit.body.ref, visit.body.on))


async def _record(visit: Visit, event: lending.LoanEvent) -> LoanView:
    loan_id = visit.path_id("loan_id")
    return view_of(await lending.record_event(visit.app, visit.tx, visit.bank.id, loan_id, event))


async def _reverse(visit: Visit) -> LoanView:
    record = await lending.undo_repayment(
        *(visit.app, visit.tx, visit.bank.id, visit.path_id("loan_id")),
        ref=visit.body.ref,
        reason=visit.body.reason,
    )
    return view_of(record)


async def _report_overdue(visit: Visit) -> OverdueView:
    body: OverdueBody = visit.body
    loan_id, now = visit.path_id("loan_id"), visit.app.clock.now()
    record = await lending.get_loan(visit.app, visit.bank.id, loan_id, on=body.on)
    if not record.row.disbursed_on <= body.on <= civil_date(now):
        raise InvalidInput(DAY_AHEAD, "on")
    ours = record.loan
    await lock_name(visit.tx, f"partner.overdue:{loan_id}:{body.on}")
    await OverdueReport.filter(loan_id=loan_id, day_on=body.on).using_db(visit.tx).delete()
    await OverdueReport.create(
        using_db=visit.tx,
        id=new_id(),
        bank_id=visit.bank.id,
        loan_id=loan_id,
        day_on=body.on,
        overdue_fen=body.overdue_fen,
        days_overdue=body.days_overdue,
        reported_at=now,
    )
    return OverdueView(
        on=body.on,
        overdue_fen=body.overdue_fen,
        days_overdue=body.days_overdue,
        our_overdue_fen=_overdue(ours),
        our_days_overdue=ours.days_overdue,
        agrees=is_agreed(body, ours),
    )


def is_agreed(said: OverdueBody | OverdueReport, loan: lending.Loan) -> bool:
    """Whether a bank's report of a day says what our books say of its end."""
    return (said.overdue_fen, said.days_overdue) == (_overdue(loan), loan.days_overdue)


def _overdue(loan: lending.Loan) -> int:
    """What was due before the loan's day and is not paid."""
    return sum(bill.open_fen for bill in loan.bills if bill.due_on < loan.as_of)


_SCOPE, _ONE = PartnerScope.LOANS_REPORT, "/loans/{loan_id}"
OPERATIONS = (
    Operation(
        *("listLoans", "GET", "/loans", TAG, "List loans", _SCOPE, LoanPage),
        _list,
        query=PageQuery,
    ),
    Operation(
        *("getLoan", "GET", _ONE, TAG, "Read a loan", _SCOPE, LoanView),
        _get,
        has_etag=True,
    ),
    Operation(
        *("reportRepayment", "POST", f"{_ONE}/repayments", TAG, "Report a repayment", _SCOPE),
        LoanView,
        _repay,
        body=RepaymentBody,
        status=201,
    ),
    Operation(
        *("reportCharge", "POST", f"{_ONE}/charges", TAG, "Report a charge", _SCOPE, LoanView),
        _charge,
        body=ChargeBody,
        status=201,
    ),
    Operation(
        *("reportRate", "POST", f"{_ONE}/rates", TAG, "Report a changed rate", _SCOPE, LoanView),
        _change_rate,
        body=RateBody,
        status=201,
    ),
    Operation(
        *("reportSchedule", "POST", f"{_ONE}/schedules", TAG, "Report a new schedule", _SCOPE),
        LoanView,
        _reschedule,
        body=RescheduleBody,
        status=201,
        description="Overdue principal joins what is repaid anew; interest so far stays owed.",
    ),
    Operation(
        *("reportWriteOff", "POST", f"{_ONE}/write-off", TAG, "Report a write-off", _SCOPE),
        LoanView,
        _write_off,
        body=WriteOffBody,
        status=201,
    ),
    Operation(
        *("reverseReport", "POST", f"{_ONE}/reversals", TAG, "Take a report back", _SCOPE),
        LoanView,
        _reverse,
        body=ReversalBody,
        status=201,
    ),
    Operation(
        *("reportOverdue", "POST", f"{_ONE}/overdue", TAG, "Report what is overdue", _SCOPE),
        OverdueView,
        _report_overdue,
        body=OverdueBody,
        status=201,
    ),
)
