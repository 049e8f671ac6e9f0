"""Schedules against published ones, and what holds of every schedule.

Facts only, each with its source. What our terms cannot express of the named collections: interest
that compounds within a bullet (CapSens `bullet_*`), grace on principal (CapSens `*_4_*`, Fineract),
rounding residues carried into later rows (CapSens `in_fine` month 4, `standard_month`), payments
always rounded up or half to even (mortgagemath ROUND_UP rows where these differ), rates compounded
half-yearly (Canadian mortgages), payment caps and negative amortisation, due dates that roll into
the next month (Fineract FIRST_DAY_OF_NEXT_MONTH), a term shorter than the amortisation (balloons).
"""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.city import load_city
from credit.lending.terms.days import YEAR, due_days, fraction, months_later
from credit.lending.terms.money_terms import DayCount, HolidayRule, RepaymentForm, Terms
from credit.lending.terms.schedule import Row, build
from tests.conftest import ROOT
from tests.credit.lending.loans import fen, terms

CITY = load_city(ROOT / "cities/jinan.toml")
START, FIRST = date(2018, 1, 1), date(2018, 2, 1)
EQUAL, LINEAR = RepaymentForm.EQUAL_INSTALMENT, RepaymentForm.EQUAL_PRINCIPAL
BULLET, IN_FINE = RepaymentForm.BULLET, RepaymentForm.INTEREST_FIRST


def _interest(rows: list[Row]) -> int:
    return sum(row.interest_fen for row in rows)


# lending-2.md §2 "Chinese calculators", §3 rows 1 and 2 (frappe/lending#31, #1449, #1452).
@pytest.mark.parametrize(
    ("principal", "rate", "count", "each", "last", "interest"),
    [
        ("1000000", "3.25", 360, "4352.06", "4354.27", "566743.81"),
        ("3000000", "3.45", 12, "254696.46", "254696.50", "56357.56"),
        ("100000", "9.99", 36, "3226.25", "3226.25", "16145.00"),
        ("130", "20", 12, "12.04", "12.07", "14.51"),
    ],
)
def test_equal_instalments_as_calculators_publish_them(
    principal: str, rate: str, count: int, each: str, last: str, interest: str
) -> None:
    rows = build(terms(rate, count, FIRST), fen(principal), START)
    assert [row.due_fen for row in rows[:-1]] == [fen(each)] * (count - 1)
    assert (rows[-1].due_fen, _interest(rows)) == (fen(last), fen(interest))


# mortgagemath tests/schedules (MIT), each with its own source there: 30/360, half up.
@pytest.mark.parametrize(
    ("principal", "rate", "count", "payment"),
    [
        ("12000", "12", 36, "398.57"),  # Broverman, Mathematics of Investment, 2.7a
        ("12000", "15", 48, "333.97"),  # the same, 2.7b
        ("162000", "3.875", 360, "761.78"),  # CFPB form H-25(B)
        ("20200", "3.53", 96, "241.83"),  # eCampus Ontario, Financial Math 4.3 ex. 3
        ("1000000", "12", 360, "10286.13"),  # Geltner, Commercial Real Estate, ch. 20
        ("563", "12", 5, "116.00"),  # Goldstein, Finite Mathematics, 10.3
        ("100000", "7", 360, "665.30"),  # Mississippi State Extension P3920
        ("15000", "9", 60, "311.38"),  # Las Positas, Math for Liberal Arts, 8.05
        ("18000", "2", 60, "315.50"),  # the same
        ("10000", "17.41", 360, "145.90"),  # Regulation Z, appendix H-14
        ("65000", "10", 360, "570.42"),  # ProEducate, adjustable rates
        ("100001.25", "4.80", 360, "524.67"),  # half-cent rounding, half up
    ],
)
def test_instalments_as_textbooks_and_regulators_publish_them(
    principal: str, rate: str, count: int, payment: str
) -> None:
    rows = build(terms(rate, count, FIRST), fen(principal), START)
    assert {row.due_fen for row in rows[:-1]} == {fen(payment)}


def test_rows_as_published() -> None:
    """Goldstein 10.3 table 1 but for the carried fraction, Arcones SOA FM 4.1 ex. 4, appendix
    H-14's first year, and half-up's third row."""
    rows = build(terms("8", 12, date(2019, 1, 1), months=12), fen("20000"), START)
    assert (rows[0].due_fen, rows[-1].due_fen) == (fen("2653.90"), fen("2653.91"))
    assert (rows[-1].principal_fen, rows[-1].interest_fen) == (fen("2457.32"), fen("196.59"))
    rows = build(terms("10", 4, date(2019, 1, 1), months=12), fen("10000"), START)
    assert (rows[-1].due_fen, rows[-1].interest_fen) == (fen("3154.70"), fen("286.79"))
    rows = build(terms("17.41", 360, FIRST), fen("10000"), START)
    assert (rows[0].interest_fen, rows[11].interest_fen) == (fen("145.08"), fen("144.94"))
    assert rows[11].balance_fen == fen("9989.37")
    rows = build(terms("4.80", 360, FIRST), fen("100001.25"), START)
    assert (rows[2].principal_fen, rows[2].balance_fen) == (fen("125.66"), fen("99625.77"))


# CapSens/loan-creator spec/fixtures (MIT): 55,000 at 10 %; columns due, principal, interest.
@pytest.mark.parametrize(
    ("form", "count", "months", "number", "due", "principal", "interest"),
    [
        (EQUAL, 12, 3, 1, "5361.79", "3986.79", "1375.00"),
        (EQUAL, 12, 3, 2, "5361.79", "4086.46", "1275.33"),
        (EQUAL, 12, 3, 4, "5361.79", "4293.34", "1068.45"),
        (LINEAR, 36, 1, 1, "1986.11", "1527.78", "458.33"),
        (LINEAR, 36, 1, 4, "1947.92", "1527.78", "420.14"),
        (LINEAR, 36, 1, 36, "1540.43", "1527.70", "12.73"),
        (IN_FINE, 36, 1, 1, "458.33", "0", "458.33"),
        (IN_FINE, 36, 1, 36, "55458.33", "55000", "458.33"),
    ],
)
def test_four_forms_as_loan_creator_has_them(
    form: RepaymentForm,
    count: int,
    months: int,
    number: int,
    due: str,
    principal: str,
    interest: str,
) -> None:
    first = months_later(START, months, 1)
    row = build(terms("10", count, first, form=form, months=months), fen("55000"), START)[
        number - 1
    ]
    assert (row.due_fen, row.principal_fen, row.interest_fen) == (
        fen(due),
        fen(principal),
        fen(interest),
    )


# CapSens `realistic_*`: 100,000 at 12 % by actual days over 365.
@pytest.mark.parametrize(
    ("form", "start", "months", "count", "interests"),
    [
        (LINEAR, date(2021, 10, 15), 6, 3, ["5983.56", "4010.96", "1994.52"]),
        (IN_FINE, date(2021, 11, 15), 1, 18, ["986.30", "1019.18", "1019.18", "920.55"]),
    ],
)
def test_actual_days_as_loan_creator_has_them(
    form: RepaymentForm, start: date, months: int, count: int, interests: list[str]
) -> None:
    first = months_later(start, months, start.day)
    made = terms("12", count, first, form=form, days=DayCount.ACT_365, months=months)
    rows = build(made, fen("100000"), start)
    assert [row.interest_fen for row in rows[: len(interests)]] == [fen(i) for i in interests]


def test_simple_interest_of_a_bullet() -> None:
    """CapSens `uncapitalized_bullet_month_55000.0_10.0_36`, which rounds each month: 16,499.99."""
    made = terms("10", 1, date(2021, 1, 1), form=BULLET)
    (row,) = build(made, fen("55000"), START)
    assert (row.principal_fen, row.interest_fen) == (fen("55000"), fen("16500.00"))


# apache/fineract LoanMonthEndDueDateStrategy.feature @5b1f06e8, C111047 and C111045 (clamp).
@pytest.mark.parametrize(
    ("days", "rows"),
    [
        (
            DayCount.ACT_ACT,
            [("3305.77", "92.05"), ("3329.59", "68.23"), ("3364.64", "33.19")],
        ),
        (
            DayCount.THIRTY_360,
            [("3300.22", "100.00"), ("3333.22", "67.00"), ("3366.56", "33.67")],
        ),
    ],
)
def test_a_month_end_as_fineract_keeps_it(days: DayCount, rows: list[tuple[str, str]]) -> None:
    made = terms("12", 3, date(2025, 2, 28), days=days, anchor=31)
    built = build(made, fen("10000"), date(2025, 1, 31))
    assert [row.due_on for row in built] == [
        date(2025, m, d) for m, d in ((2, 28), (3, 31), (4, 30))
    ]
    assert [(row.principal_fen, row.interest_fen) for row in built] == [
        (fen(principal), fen(interest)) for principal, interest in rows
    ]


def test_the_anchor_day_is_kept_after_february() -> None:
    """frappe/erpnext#28034: after February every due day stays 28."""
    days = due_days(terms("5", 14, date(2021, 1, 31)), None)
    assert [d.due_on.day for d in days[:6]] == [31, 28, 31, 30, 31, 30]
    assert [d.due_on for d in due_days(terms("5", 14, date(2023, 1, 30)), None)][13] == date(
        2024, 2, 29
    )


# lending-2.md §3 row 4 (apache/fineract#5729, GaloyMoney/lana-bank#1704).
@pytest.mark.parametrize(
    ("days", "interest"),
    [
        (DayCount.ACT_ACT, "8959.17"),
        (DayCount.ACT_365, "8975.34"),
        (DayCount.ACT_360, "9100.00"),
    ],
)
def test_a_leap_day_within_a_period(days: DayCount, interest: str) -> None:
    made = terms("3.6", 1, date(2024, 3, 1), form=BULLET, days=days)
    assert build(made, fen("1000000"), date(2023, 12, 1))[0].interest_fen == fen(interest)


# lending-2.md §3 row 5 (apache/fineract#3645, #1328, #219).
def test_a_day_off_moves_to_the_next_working_day_and_keeps_principal() -> None:
    plain = terms("6", 6, date(2026, 8, 1), days=DayCount.ACT_360)
    moved = terms("6", 6, date(2026, 8, 1), days=DayCount.ACT_360, holiday=HolidayRule.NEXT_WORKDAY)
    later = terms(
        "6", 6, date(2026, 8, 1), days=DayCount.ACT_360, holiday=HolidayRule.NEXT_WORKDAY_INTEREST
    )
    start = date(2026, 7, 1)
    rows = build(moved, fen("60000"), start, CITY.calendar)
    assert [row.due_on for row in rows[:3]] == [
        date(2026, 8, 3), date(2026, 9, 1), date(2026, 10, 8)]  # fmt: skip
    assert [row.is_provisional for row in rows] == [False] * 5 + [True]
    same = build(plain, fen("60000"), start)
    assert [(r.principal_fen, r.interest_fen) for r in rows] == [
        (r.principal_fen, r.interest_fen) for r in same
    ]
    runs_on = build(later, fen("60000"), start, CITY.calendar)
    assert runs_on[0].interest_fen == 330_00  # 33 days at 10.00 a day
    saturday = terms("6", 1, date(2026, 10, 10), form=BULLET, holiday=HolidayRule.NEXT_WORKDAY)
    assert build(saturday, 100, start, CITY.calendar)[0].due_on == date(2026, 10, 10)


_FORMS = st.sampled_from([EQUAL, LINEAR, IN_FINE])


@st.composite
def _loans(draw: st.DrawFn) -> tuple[Terms, int, date]:
    start = draw(st.dates(date(2015, 1, 1), date(2030, 1, 1)))
    form, months = draw(_FORMS), draw(st.sampled_from([1, 3, 6, 12]))
    made = Terms(
        form=form,
        day_count=draw(st.sampled_from(DayCount)),
        rate_ppm=draw(st.integers(0, 360_000)),
        instalments=draw(st.integers(1, 120 // months)),
        first_due_on=months_later(start, draw(st.integers(1, 3)), start.day),
        anchor_day=start.day,
        period_months=months,
        holiday_rule=draw(st.sampled_from(HolidayRule)),
    )
    return made, draw(st.integers(1, 10**9)), start


@settings(max_examples=150, deadline=None)
@given(_loans())
def test_of_every_schedule_principal_sums_to_the_fen(loan: tuple[Terms, int, date]) -> None:
    made, principal, start = loan
    rows = build(made, principal, start, CITY.calendar)
    assert len(rows) == made.instalments
    assert sum(row.principal_fen for row in rows) == principal and rows[-1].balance_fen == 0
    assert min(min(row.principal_fen, row.interest_fen, row.balance_fen) for row in rows) >= 0
    assert all(a.due_on < b.due_on for a, b in pairwise(rows))
    if made.form is EQUAL:
        level = {row.due_fen for row in rows[:-1] if row.balance_fen and row.principal_fen}
        assert len(level) <= 1


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(DayCount), st.dates(date(1999, 1, 1), date(2101, 1, 1)), st.integers(0, 1500),
    st.integers(0, 1500),
)  # fmt: skip
def test_parts_of_a_year_add_up(days: DayCount, start: date, first: int, second: int) -> None:
    middle = date.fromordinal(start.toordinal() + first)
    end = date.fromordinal(middle.toordinal() + second)
    whole = fraction(days, start, end, start.day)
    assert whole >= 0
    if days is not DayCount.THIRTY_360:
        parts = fraction(days, start, middle, start.day) + fraction(days, middle, end, start.day)
        assert parts == whole
    assert (
        abs(whole / YEAR[days] - (first + second) / 365.2425) < 0.02 * (first + second) / 365 + 0.01
    )
