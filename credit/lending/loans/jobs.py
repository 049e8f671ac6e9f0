"""Each morning: how loans stand that have something due, and who is told of it."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import sweep_pages
from core.database import transaction
from core.money import format_yuan
from core.people.directory import find_person
from core.queue.jobs import job
from credit.lending.loans.record import read_events, read_terms
from credit.lending.loans.replay import Loan, LoanStatus, replay
from credit.lending.records import store, texts
from credit.lending.records.events import LoanChanged
from credit.lending.records.models import LoanRow
from notifications import api as notifications
from notifications.api import MessageClass, Template

_AHEAD = timedelta(days=3)
_LATE_DAYS = (1, 7, 30, 60, 90)
"""On which days overdue somebody is told again."""

DUE = Template("loans.due", texts.DUE_TITLE, texts.DUE_BODY, about=MessageClass.MONEY)
OVERDUE = Template(
    "loans.overdue", texts.OVERDUE_TITLE, texts.OVERDUE_BODY, sms=True, about=MessageClass.MONEY
)


@job("credit.look_at_loans", timeout_s=300, every="5 1 * * *")
async def look_at_loans(app: App) -> None:
    """Look at every loan with something due within three days, or overdue. Repeat-safe."""
    until = civil_date(app.clock.now()) + _AHEAD
    await sweep_pages(
        app,
        "lending.due",
        partial(store.list_to_look_at, until),
        partial(look, app),
        key=lambda loan_id: loan_id,
    )


async def look(app: App, loan_id: UUID) -> None:
    """Keep how one loan stands today, and tell its borrower what is due, once."""
    today = civil_date(app.clock.now())
    async with transaction() as tx:
        row = await store.lock_loan(tx, loan_id)
        assert row is not None
        events = read_events(await store.list_loan_events(loan_id, tx))
        loan = replay(read_terms(row.terms), events, today, app.city.calendar)
        if loan.status != row.status:
            row = await store.update_loan(tx, row.id, loan.status.value, loan.look_on)
            changed = LoanChanged(row.id, row.bank, row.status, row.sequence)
            await app.events.publish(tx, changed)
        person = await find_person(app, row.person_id)  # none where it was taken over
        message = _message(row, loan)
        if person is not None and message is not None:
            template, values, key = message
            await notifications.notify(
                app, tx, person=person, template=template.id, values=values, key=key
            )


def _message(row: LoanRow, loan: Loan) -> tuple[Template, dict[str, str], str] | None:
    """What a borrower is told of a loan today, if anything, with the key that sends it once."""
    if loan.status is LoanStatus.OVERDUE:
        stage = max((day for day in _LATE_DAYS if day <= loan.days_overdue), default=0)
        number = min(bill.number for bill in loan.bills if bill.open_fen)
        amount = loan.billed_fen + loan.penalty_fen + loan.costs_fen
        values = {"no": row.no, "amount": format_yuan(amount), "days": str(loan.days_overdue)}
        return OVERDUE, values, f"loan-overdue:{row.id}:{number}:{stage}"
    if loan.status is not LoanStatus.ACTIVE or not loan.rows:
        return None
    ahead = loan.rows[0]
    if not timedelta(0) <= ahead.due_on - loan.as_of <= _AHEAD or loan.ahead_fen >= ahead.due_fen:
        return None
    values = {
        "no": row.no,
        "amount": format_yuan(ahead.due_fen - loan.ahead_fen),
        "due_on": ahead.due_on.isoformat(),
    }
    return DUE, values, f"loan-due:{row.id}:{ahead.number}"
