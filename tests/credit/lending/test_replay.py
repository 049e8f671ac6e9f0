"""A loan from its dated events: the reports of lending-2.md §3 as cases, and what always holds."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.city import Calendar, load_city
from core.clock import civil_date
from credit.lending.loans.events import (
    Charged,
    Disbursed,
    LoanEvent,
    Prepayment,
    RateChanged,
    Repaid,
    Rescheduled,
    WrittenOff,
)
from credit.lending.loans.replay import Loan, LoanStatus, replay
from credit.lending.loans.service import movement
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import DayCount, HolidayRule, Part, RepaymentForm, Terms
from credit.lending.terms.schedule import build
from tests.conftest import ROOT
from tests.credit.lending.loans import fen, terms

CITY = load_city(ROOT / "cities/jinan.toml")
START = date(2026, 1, 31)
YEAR = terms("6", 12, date(2026, 2, 28), days=DayCount.ACT_360, anchor=31)
PAID_OUT = Disbursed("d", START, fen("120000"))
PRINCIPAL_FIRST = (Part.PRINCIPAL, Part.INTEREST, Part.PENALTY, Part.COSTS)


def _one_due(order: tuple[Part, ...]) -> Terms:
    """10,000 due on 1 June without interest, and a penalty rate of 9 % act/360."""
    return Terms(
        RepaymentForm.BULLET, DayCount.ACT_360, 90_000, 1, date(2026, 6, 1), 1,
        penalty_bps=10_000, order=order,
    )  # fmt: skip


@pytest.mark.parametrize("rule", list(HolidayRule))
def test_without_events_the_bills_are_the_schedule(rule: HolidayRule) -> None:
    made, calendar = replace(YEAR, holiday_rule=rule), CITY.calendar
    rows = build(made, fen("120000"), START, calendar)
    assert len({row.due_fen for row in rows[:-1]}) == 1
    for as_of in (START, date(2026, 6, 15), date(2027, 3, 1)):
        loan = replay(made, [PAID_OUT], as_of, calendar)
        told = [(b.due_on, b.principal_fen, b.interest_fen) for b in loan.bills]
        told += [(r.due_on, r.principal_fen, r.interest_fen) for r in loan.rows]
        assert told == [(r.due_on, r.principal_fen, r.interest_fen) for r in rows]


@pytest.mark.parametrize("later", [False, True])
def test_penalty_is_counted_once_and_not_for_the_day_of_payment(later: bool) -> None:
    """Row 9 (frappe/lending#1150, #478): 25.00 + 15.00; the payments go to principal first."""
    made = _one_due(PRINCIPAL_FIRST)
    begin = Disbursed("d", date(2026, 5, 31), fen("10000"))
    bill = replay(made, [begin], date(2026, 6, 1)).bills[0]
    payments = [
        Repaid("a", date(2026, 6, 11), fen("4000")),
        Repaid("b", date(2026, 6, 21), fen("6000")),
    ]
    events: list[LoanEvent] = [begin, *(reversed(payments) if later else payments)]
    assert replay(made, [begin, payments[0]], date(2026, 6, 11)).penalty_fen == fen("25.00")
    loan = replay(made, events, date(2026, 7, 30))
    assert (loan.penalty_fen, bill.principal_fen) == (fen("40.00"), fen("10000"))


def test_by_law_penalty_is_paid_before_principal() -> None:
    """Civil Code art. 561: 25.00 of the 4,000 are penalty interest."""
    made = _one_due((Part.COSTS, Part.PENALTY, Part.INTEREST, Part.PRINCIPAL))
    begin = Disbursed("d", date(2026, 5, 31), fen("10000"))
    loan = replay(made, [begin, Repaid("a", date(2026, 6, 11), fen("4000"))], date(2026, 6, 11))
    (paid,) = loan.allocations
    assert paid.parts == {Part.PENALTY: 2500, Part.INTEREST: 250, Part.PRINCIPAL: 397_250}
    charged = Charged("c", date(2026, 6, 5), fen("80"))
    loan = replay(
        made, [begin, charged, Repaid("a", date(2026, 6, 11), fen("100"))], date(2026, 6, 11)
    )
    assert loan.allocations[0].parts == {Part.COSTS: 8000, Part.PENALTY: 2000}


def test_what_was_paid_ahead_is_not_asked_again() -> None:
    """Row 8 (frappe/lending#1394, #1224)."""
    due = replay(YEAR, [PAID_OUT], date(2026, 2, 28)).bills[0].open_fen
    ahead = Repaid("a", date(2026, 2, 10), due)
    prepaid = Repaid("p", date(2026, 2, 20), fen("20000"), Prepayment.LOWER)
    again = Repaid("q", date(2026, 2, 20), fen("5000"), Prepayment.LOWER)
    loan = replay(YEAR, [PAID_OUT, ahead, prepaid, again], date(2026, 2, 28))
    assert loan.billed_fen == 0 and loan.bills[0].number == 1
    assert loan.paid[Part.PRINCIPAL] + loan.principal_fen == fen("120000")
    before = replay(YEAR, [PAID_OUT, ahead, prepaid, again], date(2026, 2, 20))
    assert before.accrued_fen == 0 <= before.penalty_fen


def test_a_charge_is_paid_by_what_waits() -> None:
    """Money that lies there is not asked for again; what closes the loan is the same."""
    waits, charged = Repaid("a", date(2026, 2, 10), 500_000), Charged("c", date(2026, 2, 11), 800)
    loan = replay(YEAR, [PAID_OUT, waits, charged], date(2026, 2, 11))
    before = replay(YEAR, [PAID_OUT, waits], date(2026, 2, 11))
    assert (loan.costs_fen, loan.ahead_fen, loan.paid[Part.COSTS]) == (0, 499_200, 800)
    assert loan.payoff_fen == before.payoff_fen + 800


def test_a_closed_loan_that_is_rescheduled_has_no_bill() -> None:
    owed = replay(YEAR, [PAID_OUT], date(2026, 3, 1)).payoff_fen
    events = [
        PAID_OUT,
        Repaid("p", date(2026, 3, 1), owed),
        Rescheduled("s", date(2026, 3, 2), YEAR),
    ]
    assert len(replay(YEAR, events, date(2026, 6, 1)).bills) == 1


@pytest.mark.parametrize("prepays", list(Prepayment))
@pytest.mark.parametrize("form", list(RepaymentForm)[:3])
def test_prepaying_shortens_or_lowers(form: RepaymentForm, prepays: Prepayment) -> None:
    made = terms("6", 12, date(2026, 2, 28), form=form, days=DayCount.ACT_365, anchor=31)
    paid = Repaid("p", date(2026, 3, 31), fen("60000"), prepays)
    plain = replay(made, [PAID_OUT], date(2026, 3, 31))
    loan = replay(made, [PAID_OUT, paid], date(2026, 3, 31))
    assert loan.billed_fen == 0 and sum(r.principal_fen for r in loan.rows) == loan.balance_fen
    if form is RepaymentForm.INTEREST_FIRST:
        assert len(loan.rows) == len(plain.rows)
    elif prepays is Prepayment.LOWER:
        assert len(loan.rows) == len(plain.rows) and loan.rows[0].due_fen < plain.rows[0].due_fen
    else:
        assert len(loan.rows) < len(plain.rows)
        if form is RepaymentForm.EQUAL_INSTALMENT:
            assert loan.rows[0].due_fen == plain.rows[0].due_fen


def test_a_day_is_a_day_in_shanghai() -> None:
    """Row 11 (kenlasko/monize#1281, elizaOS/eliza#31062): overdue by the civil day."""
    made = terms("6", 1, date(2026, 11, 28), form=RepaymentForm.BULLET)
    begin = Disbursed("d", date(2026, 10, 28), fen("1000"))
    for moment, days in (("2026-11-28T15:59:59+00:00", 0), ("2026-11-28T16:00:00+00:00", 1)):
        today = civil_date(datetime.fromisoformat(moment))
        assert replay(made, [begin], today).days_overdue == days
    assert civil_date(datetime.fromisoformat("2026-11-27T16:30:00+00:00")) == date(2026, 11, 28)


def test_a_rescheduled_loan_keeps_its_tenure_and_its_interest() -> None:
    """frappe/lending#1449: as many instalments as the new terms say; overdue principal joins."""
    anew = terms("4", 24, date(2026, 7, 31), days=DayCount.ACT_360, anchor=31)
    events = [PAID_OUT, Rescheduled("s", date(2026, 6, 15), anew)]
    loan = replay(YEAR, events, date(2026, 6, 15))
    before = replay(YEAR, [PAID_OUT], date(2026, 6, 15))
    assert (len(loan.rows), loan.balance_fen) == (24, before.principal_fen)
    owed = sum(b.open_interest_fen for b in loan.bills) + loan.accrued_fen + loan.penalty_fen
    assert owed + loan.balance_fen == before.payoff_fen


def test_a_written_off_loan_is_still_owed() -> None:
    off = WrittenOff("w", date(2026, 9, 1))
    loan = replay(YEAR, [PAID_OUT, off], date(2026, 9, 1))
    assert (loan.status, loan.written_off_fen) == (LoanStatus.WRITTEN_OFF, fen("120000"))
    paid = Repaid("p", date(2026, 9, 2), fen("500"))
    assert replay(YEAR, [PAID_OUT, off, paid], date(2026, 9, 2)).payoff_fen < loan.payoff_fen


def test_a_changed_rate_holds_from_its_day() -> None:
    changed = RateChanged("r", date(2026, 3, 31), 30_000)
    loan = replay(YEAR, [PAID_OUT, changed], date(2026, 4, 30))
    before, after = loan.bills[1], loan.bills[2]
    left = fen("120000") - loan.bills[0].principal_fen - before.principal_fen
    assert after.interest_fen == round(left * 0.03 * 30 / 360)
    assert before.interest_fen == replay(YEAR, [PAID_OUT], date(2026, 4, 30)).bills[1].interest_fen


@pytest.mark.parametrize("form", list(RepaymentForm)[:3])
@pytest.mark.parametrize("on", [date(2026, 2, 28), date(2026, 6, 15), date(2026, 6, 29)])
def test_a_rate_that_is_set_to_what_it_was_changes_no_instalment(
    form: RepaymentForm, on: date
) -> None:
    """Banks set rates anew on 1 January, in the midst of a period: its interest so far is owed."""
    made = replace(YEAR, form=form)
    plain = replay(made, [PAID_OUT], on)
    loan = replay(made, [PAID_OUT, RateChanged("r", on, made.rate_ppm)], on)
    for row, before in zip(loan.rows, plain.rows, strict=True):
        assert abs(row.due_fen - before.due_fen) <= 2


@pytest.mark.parametrize("form", list(RepaymentForm)[:2])
@pytest.mark.parametrize("lowers", [False, True])
def test_a_loan_that_was_shortened_stays_so(form: RepaymentForm, lowers: bool) -> None:
    """Whatever changes the instalments later; an equal share of principal has nothing of a rate."""
    made, on = replace(YEAR, form=form), date(2026, 6, 15)
    paid = Repaid("p", date(2026, 3, 31), fen("60000"), Prepayment.SHORTEN)
    before = replay(made, [PAID_OUT, paid], on)
    later = Repaid("q", on, fen("6000"), Prepayment.LOWER) if lowers else RateChanged("r", on, 1)
    loan = replay(made, [PAID_OUT, paid, later], on)
    assert [row.due_on for row in loan.rows] == [row.due_on for row in before.rows]
    assert len(before.rows) < len(replay(made, [PAID_OUT], on).rows)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[Terms, list[LoanEvent], date]:
    form = draw(st.sampled_from(list(RepaymentForm)))
    count = 1 if form is RepaymentForm.BULLET else draw(st.integers(1, 24))
    start = draw(st.dates(date(2024, 1, 1), date(2026, 1, 1)))
    made = Terms(
        form, draw(st.sampled_from(DayCount)), draw(st.integers(0, 240_000)), count,
        months_later(start, 1, start.day), start.day,
        holiday_rule=draw(st.sampled_from(HolidayRule)),
    )  # fmt: skip
    lent = draw(st.one_of(st.integers(100, 10**4), st.integers(10**7, 10**8)))
    events: list[LoanEvent] = [Disbursed("d", start, lent)]
    for number in range(draw(st.integers(0, 8))):
        on, ref = start + timedelta(days=draw(st.integers(0, 900))), f"e{number}"
        amount = draw(st.integers(1, 10**7))
        prepays = draw(st.sampled_from([None, *Prepayment]))
        rate = draw(st.integers(0, 240_000))
        anew = replace(made, rate_ppm=rate, first_due_on=months_later(on, 1, made.anchor_day))
        paid: LoanEvent = Repaid(ref, on, amount, prepays)
        rare: list[LoanEvent] = [
            RateChanged(ref, on, rate), Rescheduled(ref, on, anew), WrittenOff(ref, on)
        ]  # fmt: skip
        events.append(draw(st.sampled_from([paid, paid, Charged(ref, on, amount), *rare])))
    return made, events, start + timedelta(days=draw(st.integers(0, 1000)))


def _totals(loan: Loan) -> object:
    return loan.bills, loan.rows, loan.paid, loan.allocations, loan.payoff_fen, loan.ahead_fen


@settings(max_examples=150, deadline=None)
@given(_histories(), st.randoms(use_true_random=False))
def test_any_order_of_posting_gives_the_same_loan_and_nothing_is_lost(
    history: tuple[Terms, list[LoanEvent], date], shuffle: random.Random
) -> None:
    """Row 7 (frappe/lending#878), and after every event: what was lent is in one place."""
    made, events, as_of = history
    loan = replay(made, events, as_of)
    posted = list(events)
    shuffle.shuffle(posted)
    assert _totals(replay(made, posted, as_of)) == _totals(loan)
    given_ = [e.amount_fen for e in events if isinstance(e, Repaid) and e.on <= as_of]
    assert sum(given_) == sum(loan.paid.values()) + loan.ahead_fen + loan.surplus_fen
    assert loan.paid[Part.PRINCIPAL] + loan.principal_fen == loan.disbursed_fen
    assert sum(row.principal_fen for row in loan.rows) == loan.balance_fen
    assert min(loan.accrued_fen, loan.penalty_fen, loan.costs_fen, loan.balance_fen) >= 0
    assert all(a.due_on <= b.due_on for a, b in pairwise(loan.bills))
    moved = movement(Loan(made), loan)
    waits = sum(loan.paid.values()) + loan.ahead_fen
    assert moved.principal_fen - moved.income_fen == loan.disbursed_fen - waits
    assert 0 <= moved.loss_fen <= moved.principal_fen and moved.income_fen >= 0


@settings(max_examples=150, deadline=None)
@given(_histories(), st.sampled_from([None, *Prepayment]), st.sampled_from(["a", "zz"]))
def test_a_payoff_paid_on_its_day_closes_the_loan(
    history: tuple[Terms, list[LoanEvent], date], prepays: Prepayment | None, ref: str
) -> None:
    """Row 11 (apache/fineract#4798, #5360): nothing remains, and nothing is too much, whatever was
    to become of a rest, and wherever the payment stands among those of its day."""
    made, events, on = history
    happened = [e for e in events if e.on <= on]
    owed = replay(made, happened, on).payoff_fen
    if not owed:
        return
    end = Repaid(ref, on, owed, prepays)
    loan = replay(made, [*happened, end], on)
    before = replay(made, happened, on)
    assert (loan.payoff_fen, loan.status, loan.surplus_fen - before.surplus_fen) == (
        0, LoanStatus.CLOSED, 0)  # fmt: skip
    later = replay(made, [*happened, end], on + timedelta(days=400))
    assert (later.payoff_fen, later.status, later.ahead_fen) == (0, LoanStatus.CLOSED, 0)


@settings(max_examples=150, deadline=None)
@given(_histories(), st.integers(1, 400))
def test_until_the_day_of_its_next_look_a_loan_stands_as_it_stood(
    history: tuple[Terms, list[LoanEvent], date], days: int
) -> None:
    """What is kept of a loan is true until somebody looks: time alone has changed nothing."""
    made, events, on = history
    happened = [e for e in events if e.on <= on]
    loan, until = replay(made, happened, on), on + timedelta(days=days)
    if loan.look_on is not None:
        assert (loan.look_on < on) is (loan.status is LoanStatus.OVERDUE)
        until = max(on, min(until, loan.look_on))
    later = replay(made, happened, until)
    assert (later.status, later.payoff_fen >= loan.payoff_fen) == (loan.status, True)


@settings(max_examples=150, deadline=None)
@given(_histories(), st.integers(0, 340), st.integers(1, 20), st.booleans())
def test_holidays_of_years_to_come_change_nothing_that_was_billed(
    history: tuple[Terms, list[LoanEvent], date], first: int, count: int, weekends: bool
) -> None:
    """What was paid to the fen stays paid when the next year's holidays are published."""
    made, events, on = history
    made = replace(
        made, form=RepaymentForm.EQUAL_INSTALMENT, instalments=36,
        holiday_rule=HolidayRule.NEXT_WORKDAY_INTEREST,
    )  # fmt: skip
    known = frozenset(range(2024, on.year + 1))
    year = [date(on.year + 1, 1, 1) + timedelta(days=day) for day in range(365)]
    off = frozenset(year[first : first + count])
    at_work = frozenset(day for day in year if weekends and day not in off)
    before = Calendar(frozenset(), frozenset(), known)
    after = Calendar(off, at_work, known | {on.year + 1})
    assert _settled(replay(made, events, on, after)) == _settled(replay(made, events, on, before))


def _settled(loan: Loan) -> object:
    bills = [(b.principal_fen, b.interest_fen, b.open_fen) for b in loan.bills]
    return bills, loan.paid, loan.allocations, loan.payoff_fen, loan.status
