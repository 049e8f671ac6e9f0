"""All loans together on a day: outstanding, accrued, overdue by age. One pass in flat memory."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated
from uuid import UUID

from core.city import Calendar
from core.context.app import App
from core.context.sweep import pages
from credit.lending.loans.events import LoanEvent
from credit.lending.loans.record import read_events, read_terms
from credit.lending.loans.replay import Loan, LoanStatus, replay
from credit.lending.records import store
from credit.lending.records.models import LoanEventRow
from credit.lending.terms.money_terms import Terms

_PAGE = 500
AGES = (0, 1, 31, 61, 91)
"""Where the ages of what is overdue begin, in days: none, 1 to 30, 31 to 60, 61 to 90, above."""


@dataclass(slots=True)
class OverdueAge:
    """Loans whose oldest unpaid instalment is so many days overdue."""

    from_days: Annotated[int, "From so many days on; 0: nothing is overdue."]
    loans: Annotated[int, "How many."] = 0
    principal_fen: Annotated[int, "Their principal that is left."] = 0


@dataclass(slots=True)
class ProductBook:
    """The loans of one product."""

    bank: Annotated[str, "The bank's id."]
    product: Annotated[str, "The product's code."]
    loans: Annotated[int, "How many were paid out."] = 0
    lent_fen: Annotated[int, "What was paid out."] = 0
    yearly_fen: Annotated[int, "A year's interest on that, at the contracts' rates."] = 0
    principal_fen: Annotated[int, "The principal that is left."] = 0
    accrued_fen: Annotated[int, "Interest accrued and not billed yet."] = 0
    due_fen: Annotated[int, "Billed and not paid, penalty and costs included."] = 0
    lost_fen: Annotated[int, "Written off."] = 0
    closed: Annotated[int, "How many are closed."] = 0
    ages: Annotated[Sequence[OverdueAge], "The others by age of what is overdue."] = field(
        default_factory=lambda: [OverdueAge(age) for age in AGES]
    )

    def add(self, loan: Loan, rate_ppm: int) -> None:
        """Count a loan under a contract of this rate."""
        self.loans += 1
        self.yearly_fen += loan.disbursed_fen * rate_ppm // 1_000_000
        self.lent_fen += loan.disbursed_fen
        self.principal_fen += loan.principal_fen
        self.accrued_fen += loan.accrued_fen
        self.due_fen += loan.billed_fen + loan.penalty_fen + loan.costs_fen
        self.lost_fen += loan.written_off_fen
        if loan.status is LoanStatus.CLOSED:
            self.closed += 1
            return
        age = [one for one in self.ages if loan.days_overdue >= one.from_days][-1]
        age.loans += 1
        age.principal_fen += loan.principal_fen


Account = tuple[str, str, Terms, Sequence[LoanEvent]]
"""Bank, product, terms and events of a loan."""

Books = dict[tuple[str, str], ProductBook]
"""By bank and product."""


def sum_books(
    accounts: Iterable[Account], on: date, calendar: Calendar, books: Books | None = None
) -> list[ProductBook]:
    """The books at the end of a day, with those given; each loan is replayed and forgotten."""
    books = {} if books is None else books
    for bank, product, terms, events in accounts:
        book = books.setdefault((bank, product), ProductBook(bank, product))
        book.add(replay(terms, events, on, calendar), terms.rate_ppm)
    return [books[key] for key in sorted(books)]


async def read_books(app: App, on: date, *, bank: str | None = None) -> list[ProductBook]:
    """The books of a bank, or of all, at the end of a day."""
    books: Books = {}
    async for page in _pages(bank):
        sum_books(page, on, app.city.calendar, books)
    return [books[key] for key in sorted(books)]


async def _pages(bank: str | None) -> AsyncIterator[list[Account]]:
    loans = pages(
        lambda after, size: store.list_loans(bank=bank, first=size, after=after),
        key=lambda row: row.id,
        size=_PAGE,
    )
    async for rows in loans:
        found = await store.list_events_of([row.id for row in rows])
        events = _by_loan(found)
        yield [
            (row.bank, row.product, read_terms(row.terms), read_events(events.get(row.id, ())))
            for row in rows
        ]


def _by_loan(rows: Iterable[LoanEventRow]) -> Mapping[UUID, list[LoanEventRow]]:
    found: dict[UUID, list[LoanEventRow]] = {}
    for row in rows:
        found.setdefault(row.loan_id, []).append(row)
    return found
