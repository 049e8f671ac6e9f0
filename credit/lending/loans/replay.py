"""A loan's state on a day, from its dated events alone.

Events are taken in the order of their days, whenever they were posted, so a payment that is told
late, a reversal and an audit are one mechanism: replay. Interest accrues as a whole number over
one denominator and is rounded once, when it is billed or paid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Annotated

from core.city import Calendar
from credit.lending.loans.events import (
    Charged,
    Disbursed,
    LoanEvent,
    Prepayment,
    RateChanged,
    Repaid,
    Rescheduled,
    WrittenOff,
    in_order,
)
from credit.lending.terms.days import YEAR, DueDay, due_days, fraction
from credit.lending.terms.money_terms import PPM, Part, Terms
from credit.lending.terms.schedule import (
    Row,
    interest_until,
    level_amount,
    period_fractions,
    principal_of,
    round_half_up,
    rows_for,
)

_BPS = 10_000


class LoanStatus(StrEnum):
    """How a loan stands. ACTIVE: nothing is overdue. OVERDUE: something is. CLOSED: all is paid.
    WRITTEN_OFF: given up in the books, still owed.
    """

    ACTIVE = "ACTIVE"
    OVERDUE = "OVERDUE"
    CLOSED = "CLOSED"
    WRITTEN_OFF = "WRITTEN_OFF"


@dataclass(slots=True)
class Bill:
    """An instalment that was billed, and what of it is open. Penalty was counted to `penal_to`."""

    number: Annotated[int, "Its number, from 1."]
    due_on: Annotated[date, "When it was due."]
    principal_fen: Annotated[int, "The principal in it."]
    interest_fen: Annotated[int, "The interest in it."]
    open_principal_fen: Annotated[int, "What of the principal is not paid."]
    open_interest_fen: Annotated[int, "What of the interest is not paid."]
    penal_to: date

    @property
    def open_fen(self) -> int:
        """What is not paid of it."""
        return self.open_principal_fen + self.open_interest_fen


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one payment was set against; `ahead_fen` waits for what is due next."""

    ref: str
    parts: Mapping[Part, int]
    ahead_fen: int = 0


@dataclass(slots=True)
class Loan:
    """A loan as it stands at the end of `as_of`. Amounts in fen.

    `balance_fen` is the principal that is not billed yet, `accrued_fen` its interest so far,
    `penalty_fen` and `costs_fen` what is owed of these, `ahead_fen` what was paid ahead.
    `paid` is all that was ever paid, by part.
    """

    terms: Terms
    as_of: date = date.min
    disbursed_fen: int = 0
    balance_fen: int = 0
    accrued_fen: int = 0
    penalty_fen: int = 0
    costs_fen: int = 0
    ahead_fen: int = 0
    surplus_fen: int = 0
    """Paid beyond everything that was owed."""
    bills: list[Bill] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    """The instalments still to be billed."""
    paid: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(Part, 0))
    allocations: list[Allocation] = field(default_factory=list)
    written_off_fen: int = 0
    written_off_on: date | None = None

    @property
    def principal_fen(self) -> int:
        """All principal that is left."""
        return self.balance_fen + sum(bill.open_principal_fen for bill in self.bills)

    @property
    def billed_fen(self) -> int:
        """What was billed and is not paid."""
        return sum(bill.open_fen for bill in self.bills)

    @property
    def payoff_fen(self) -> int:
        """What closes the loan on `as_of`."""
        owed = self.balance_fen + self.accrued_fen + self.billed_fen
        return max(owed + self.penalty_fen + self.costs_fen - self.ahead_fen, 0)

    @property
    def days_overdue(self) -> int:
        """Days since the oldest bill that is open was due; 0 on its due day."""
        late = [bill.due_on for bill in self.bills if bill.open_fen]
        return max((self.as_of - min(late)).days, 0) if late else 0

    @property
    def status(self) -> LoanStatus:
        """How it stands."""
        if self.written_off_on is not None and self.payoff_fen:
            return LoanStatus.WRITTEN_OFF
        if self.disbursed_fen and not self.payoff_fen:
            return LoanStatus.CLOSED
        return LoanStatus.OVERDUE if self.days_overdue else LoanStatus.ACTIVE

    @property
    def look_on(self) -> date | None:
        """The first day on which something is due; None where no day changes how it stands.

        Of what is to come the day by the terms: no published calendar makes that one earlier.
        """
        if self.status in (LoanStatus.CLOSED, LoanStatus.WRITTEN_OFF):
            return None
        due = [bill.due_on for bill in self.bills if bill.open_fen]
        return min([*due, *(row.nominal_on for row in self.rows[:1])], default=None)


def replay(
    terms: Terms, events: Iterable[LoanEvent], as_of: date, calendar: Calendar | None = None
) -> Loan:
    """The loan at the end of a day. Events after it do not count.

    The same events give the same loan in whatever order they come.
    """
    run = _Run(terms, calendar)
    for event in sorted((e for e in events if e.on <= as_of), key=in_order):
        run.advance(event.on)
        run.take(event)
    run.advance(as_of)
    return run.finish(as_of)


class _Run:
    """A replay on its way: interest stands as a numerator over `year`."""

    def __init__(self, terms: Terms, calendar: Calendar | None) -> None:
        self.loan = Loan(terms)
        self.terms = terms
        self.calendar = calendar
        self.year = YEAR[terms.day_count] * PPM
        self.days: Sequence[DueDay] = ()
        """The due days that are still to come."""
        self.period_from = self.to = date.min
        """Where the running period began, and until when its interest has accrued."""
        self.accrued = 0
        self.penalty = 0
        self.penalty_paid_fen = 0
        self.first_open = 0
        self.level_fen: int | None = None
        """The equal instalment or share; None until it is worked out from `levelled`."""
        self.levelled: tuple[int, Sequence[int], int] = (0, (), 0)
        """The balance, the parts of a year of its periods, the interest that it has already."""

    def advance(self, day: date) -> None:
        """Let time pass until a day: what is due by then is billed."""
        while self.days and interest_until(self.terms, self.days[0]) <= day:
            self._bill()
        self._pass(day)

    def take(self, event: LoanEvent) -> None:
        """What an event changes; time has passed until its day."""
        loan = self.loan
        match event:
            case Disbursed():
                if not loan.disbursed_fen:
                    self.period_from = event.on
                    self.days = due_days(self.terms, self.calendar)
                loan.disbursed_fen += event.amount_fen
                loan.balance_fen += event.amount_fen
                self._level()
            case RateChanged():
                self.terms = replace(self.terms, rate_ppm=event.rate_ppm)
                self._level()
            case Rescheduled():
                self._reschedule(event)
            case Charged():
                loan.costs_fen += event.amount_fen
                self._use_ahead()
            case Repaid():
                self._repay(event)
            case WrittenOff():
                loan.written_off_fen, loan.written_off_on = loan.principal_fen, event.on

    def finish(self, as_of: date) -> Loan:
        """The loan, with its figures rounded and the instalments to come."""
        loan = self.loan
        loan.as_of, loan.terms = as_of, self.terms
        loan.accrued_fen = round_half_up(self.accrued, self.year)
        loan.penalty_fen = self._penalty_fen()
        if loan.balance_fen:
            first = len(loan.bills)
            rows = self._rows([interest_until(self.terms, day) for day in self.days])
            loan.rows = [replace(row, number=first + row.number) for row in rows]
        return loan

    def _pass(self, until: date) -> None:
        """Interest on what is not billed; penalty on overdue principal, from the day it was due
        and not for the day of payment."""
        terms = self.terms
        if until > self.to:
            if self.loan.balance_fen:
                part = self._part(until) - self._part(self.to)
                self.accrued += self.loan.balance_fen * terms.rate_ppm * part
            self.to = until
        for bill in self._open_bills():
            if bill.open_principal_fen and until > bill.penal_to:
                part = fraction(terms.day_count, bill.penal_to, until, terms.anchor_day)
                rate = terms.rate_ppm * terms.penalty_bps
                self.penalty += bill.open_principal_fen * rate * part
                bill.penal_to = until

    def _open_bills(self) -> list[Bill]:
        """Bills from the first on that is not paid."""
        bills = self.loan.bills
        while self.first_open < len(bills) and not bills[self.first_open].open_fen:
            self.first_open += 1
        return bills[self.first_open :]

    def _part(self, until: date) -> int:
        return fraction(self.terms.day_count, self.period_from, until, self.terms.anchor_day)

    def _parts(self, ends: Sequence[date]) -> list[int]:
        """The parts of a year of the periods to come; of the running one, what is left of it."""
        parts = period_fractions(self.terms, self.period_from, ends)
        return [max(parts[0] - self._part(self.to), 0), *parts[1:]] if parts else []

    def _by_terms(self) -> list[date]:
        return [day.nominal_on for day in self.days]

    def _rows(self, ends: Sequence[date]) -> list[Row]:
        """The instalments that are left, numbered from 1."""
        parts, level = self._parts(ends), self._level_fen()
        rows = rows_for(self.terms, self.loan.balance_fen, self.days, parts, level, self.accrued)
        return [row for row in rows if row.due_fen]

    def _penalty_fen(self) -> int:
        return round_half_up(self.penalty, self.year * _BPS) - self.penalty_paid_fen

    def _level(self) -> None:
        """From now on the instalments are equal anew; worked out when it is needed. By the days of
        the terms: holidays that are published later change no instalment that was billed."""
        self.level_fen = None
        parts = tuple(self._parts(self._by_terms()))
        self.levelled = (self.loan.balance_fen, parts, self.accrued)

    def _level_fen(self) -> int:
        if self.level_fen is None:
            self.level_fen = level_amount(self.terms, *self.levelled)
        return self.level_fen

    def _bill(self) -> None:
        """Bill the next instalment, and take what was paid ahead for it."""
        loan, day, terms = self.loan, self.days[0], self.terms
        until = interest_until(terms, day)
        self._pass(until)
        interest = round_half_up(self.accrued, self.year)
        principal = principal_of(
            terms.form, loan.balance_fen, interest, self._level_fen(), is_last=len(self.days) == 1
        )
        loan.balance_fen -= principal
        self.accrued, self.period_from = 0, until
        self.days = self.days[1:] if loan.balance_fen else ()
        loan.bills.append(
            Bill(
                len(loan.bills) + 1, day.due_on, principal, interest, principal, interest,
                max(day.due_on, until),
            )
        )  # fmt: skip
        self._use_ahead()

    def _use_ahead(self) -> None:
        """Set what was paid ahead against what is due now."""
        if self.loan.ahead_fen:
            ahead, self.loan.ahead_fen = self.loan.ahead_fen, 0
            self.loan.ahead_fen = ahead - sum(self._settle(ahead).values())

    def _repay(self, event: Repaid) -> None:
        loan = self.loan
        amount, prepays = event.amount_fen, event.prepays
        loan.accrued_fen = round_half_up(self.accrued, self.year)
        loan.penalty_fen = self._penalty_fen()
        if amount >= loan.payoff_fen:
            # the whole loan is paid: nothing comes that a rest could wait for
            prepays = prepays or Prepayment.SHORTEN
            amount, loan.ahead_fen = amount + loan.ahead_fen, 0
        parts = self._settle(amount)
        rest = amount - sum(parts.values())
        if rest and prepays is not None:
            for part, paid in self._prepay(rest, prepays).items():
                parts[part] = parts.get(part, 0) + paid
            rest = amount - sum(parts.values())
        ahead = rest if loan.balance_fen else 0
        loan.ahead_fen += ahead
        loan.surplus_fen += rest - ahead
        loan.allocations.append(Allocation(event.ref, parts, ahead))

    def _settle(self, amount_fen: int) -> dict[Part, int]:
        """Set an amount against what is due, in the order of the terms."""
        loan, left, parts = self.loan, amount_fen, {}
        bills = self._open_bills()
        for part in self.terms.order:
            paid = 0
            match part:
                case Part.COSTS:
                    paid = min(left, loan.costs_fen)
                    loan.costs_fen -= paid
                case Part.PENALTY:
                    paid = min(left, self._penalty_fen())
                    self.penalty_paid_fen += paid
                case Part.INTEREST:
                    for bill in bills:
                        share = min(left - paid, bill.open_interest_fen)
                        bill.open_interest_fen -= share
                        paid += share
                case Part.PRINCIPAL:
                    for bill in bills:
                        share = min(left - paid, bill.open_principal_fen)
                        bill.open_principal_fen -= share
                        paid += share
            if paid:
                parts[part] = paid
                loan.paid[part] += paid
                left -= paid
        return parts

    def _prepay(self, amount_fen: int, prepays: Prepayment) -> dict[Part, int]:
        """Interest to the day, then principal that is not due."""
        loan = self.loan
        accrued = round_half_up(self.accrued, self.year)
        interest = min(amount_fen, accrued)
        self.accrued = 0 if interest == accrued else self.accrued - interest * self.year
        principal = min(amount_fen - interest, loan.balance_fen)
        kept = self._level_fen() if principal else 0
        loan.balance_fen -= principal
        loan.paid[Part.INTEREST] += interest
        loan.paid[Part.PRINCIPAL] += principal
        if not loan.balance_fen:
            self.days, self.accrued = (), 0
        elif prepays is Prepayment.SHORTEN and kept:
            # the days that are needed no more are gone, whatever else changes the loan later
            self.days = self.days[: len(self._rows(self._by_terms()))]
        elif principal:
            self._level()
        return {Part.INTEREST: interest, Part.PRINCIPAL: principal}

    def _reschedule(self, event: Rescheduled) -> None:
        """Overdue principal joins the balance; interest so far stays owed."""
        loan = self.loan
        for bill in loan.bills:
            loan.balance_fen += bill.open_principal_fen
            bill.open_principal_fen = 0
        accrued = round_half_up(self.accrued, self.year)
        penalty = round_half_up(self.penalty, self.year * _BPS)
        self.terms, self.year = event.terms, YEAR[event.terms.day_count] * PPM
        self.accrued, self.penalty = accrued * self.year, penalty * self.year * _BPS
        self.period_from = event.on
        self.days = due_days(event.terms, self.calendar) if loan.balance_fen else ()
        self._level()
