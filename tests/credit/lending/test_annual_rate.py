"""Annual rates against Regulation Z, published answers and an independent solver."""

import random
from datetime import date

import numpy as np
import pytest

from core.errors import InvalidInput
from core.texts import Named
from credit.lending.terms.annual_rate import Flow, annual_rate, monthly_flow, period_rate
from credit.lending.terms.cost_sheet import (
    CEILING_PPM,
    Fee,
    FeeTime,
    make_sheet,
    require_publishable,
)
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import RepaymentForm
from credit.lending.terms.schedule import build
from tests.credit.lending.loans import fen, terms

_BANK = Named("银行", "Bank")


def _percent(nominal_ppm: int) -> float:
    return round(nominal_ppm / 10_000, 2)


def _apr(flows: list[Flow], per_year: int) -> float:
    return _percent(annual_rate(flows, per_year).nominal_ppm)


def _even(advance: str, payment: str, count: int, odd: float = 0.0, first: int = 1) -> list[Flow]:
    later = [Flow(-fen(payment), k, odd) for k in range(first, first + count)]
    return [Flow(fen(advance), 0), *later]


def test_regulation_z_appendix_j() -> None:
    """12 CFR 1026 appendix J (U.S. public domain; fdic.gov 6500-3550), its examples in unit periods
    and parts of one: months of 30 days, half months of 15, quarters of 90, weeks of 7."""
    assert _apr(_even("5000", "230", 24), 12) == 9.69
    assert _apr(_even("6000", "200", 36, 19 / 30), 12) == 11.82  # 10 Feb to 1 Mar: 19 days
    assert _apr(_even("5000", "219.17", 24, 6 / 15, 0), 24) == 10.34  # 23 Feb to 1 Mar: 6 days
    assert _apr(_even("10000", "385", 40, 39 / 90), 4) == 8.97  # 23 May to 1 Jul: 1 month, 9 days
    assert _apr(_even("500", "17.60", 30, 4 / 7, 4), 52) == 14.96  # 20 Mar to 24 Mar: 4 days
    irregular = [Flow(fen("5000"), 0), Flow(-fen("250"), 1)]
    irregular += [Flow(-fen("230"), k) for k in range(2, 25)]
    assert _apr(irregular, 12) == 10.08
    weeks = [Flow(fen("400"), 0), Flow(-fen("39.50"), 1, 5 / 28)]
    weeks += [Flow(-fen("38.31"), k, 5 / 28) for k in range(2, 13)]
    assert _apr(weeks, 13) == 28.50  # 18 Mar to 20 Apr: a period of four weeks and five days


def test_answers_that_solvers_are_known_to_miss() -> None:
    """lending-2.md §3 row 10 (Anexen/pyxirr#61, #65, #45, #24; numpy-financial#98, #126)."""
    rate = period_rate([Flow(-1_000_000_00, 0), *(Flow(32_724_62.5, k) for k in range(1, 17))])  # type: ignore[arg-type]
    assert round(rate * 100, 4) == -6.7654
    rate = period_rate([Flow(-172_545_85, 0), *(Flow(787_73.5, k) for k in range(1, 481))])  # type: ignore[arg-type]
    assert round(rate * 1200, 4) == 4.6081
    flows = [Flow(-440_000_00, 0), *(Flow(263_175_00, k) for k in range(1, 8))]
    assert round(period_rate([*flows, Flow(288_675_00, 8)]) * 100, 3) == 58.388


@pytest.mark.parametrize(
    "flows",
    [
        [],
        [Flow(100, 0)],
        [Flow(100, 0), Flow(50, 1)],
        [Flow(-100, 0), Flow(230, 1), Flow(-132, 2)],  # two rates: 10 % and 20 %
        [Flow(0, 0), Flow(0, 1)],
    ],
)
def test_payments_without_one_rate_are_refused(flows: list[Flow]) -> None:
    with pytest.raises(InvalidInput, match="LOAN_RATE_UNDEFINED"):
        period_rate(flows)


def test_an_independent_solver_agrees() -> None:
    """The one real root above zero of the polynomial in the discount factor, by numpy's companion
    matrix: within 0.01 bp a year."""
    draw = random.Random(11)
    for _ in range(150):
        count = draw.randint(1, 36)
        start, form = date(2026, 1, 31), draw.choice(list(RepaymentForm)[:3])
        made = terms(f"{draw.randint(1, 23)}.5", count, date(2026, 2, 28), form=form, anchor=31)
        rows = build(made, draw.randint(10_000, 10**9), start)
        flows = [
            sum(r.principal_fen for r in rows) - draw.randint(0, 100),
            *(-r.due_fen for r in rows),
        ]
        ours = period_rate([Flow(amount, k) for k, amount in enumerate(flows)])
        roots = np.roots(np.array(flows[::-1], dtype=float))
        real = [1 / r.real - 1 for r in roots if abs(r.imag) < 1e-9 and r.real > 0]
        assert min(abs(ours - one) for one in real) * 12 < 1e-6, (ours, real)


def test_months_are_counted_back_from_each_payment() -> None:
    flow = monthly_flow(-1, date(1978, 2, 10), date(1978, 4, 1))
    assert (flow.periods, flow.rest) == (1, 19 / 30)
    assert monthly_flow(-1, date(2026, 1, 31), date(2026, 2, 28)).periods == 0
    assert monthly_flow(-1, date(2026, 1, 31), date(2026, 3, 31)).periods == 2


def test_the_sheet_names_everything_and_both_rates() -> None:
    start = date(2026, 11, 23)
    made = terms("4", 12, months_later(start, 1, 23))
    rows = build(made, fen("100000"), start)
    fees = [
        Fee(Named("评估费", "Valuation"), _BANK, _BANK, FeeTime.START, share_bps=10),
        Fee(Named("担保费", "Guarantee"), _BANK, _BANK, FeeTime.YEARLY, amount_fen=fen("800")),
    ]
    plain = make_sheet(made, fen("100000"), start, rows, _BANK, [])
    assert (plain.nominal_ppm, len(plain.items)) == (pytest.approx(40_000, abs=2), 1)
    assert plain.compound_ppm == pytest.approx(((1 + 0.04 / 12) ** 12 - 1) * 1e6, abs=3)
    sheet = make_sheet(made, fen("100000"), start, rows, _BANK, fees)
    assert [item.amount_fen for item in sheet.items[1:]] == [fen("100"), fen("800")]
    assert sheet.total_fen == sum(item.amount_fen for item in sheet.items)
    assert sheet.nominal_ppm > 56_000 and sheet.on_default[0].text.zh.startswith(
        "逾期本金按年利率 6.00%"
    )
    two_years = terms("4", 24, months_later(start, 1, 23))
    rows = build(two_years, fen("100000"), start)
    yearly = make_sheet(two_years, fen("100000"), start, rows, _BANK, fees[1:])
    assert yearly.items[1].amount_fen == 2 * fen("800")


def test_nothing_above_the_ceiling_or_without_a_sheet_is_published() -> None:
    start = date(2026, 11, 23)
    with pytest.raises(InvalidInput, match="LOAN_COST_SHEET_MISSING"):
        require_publishable(None)
    for rate, allowed in (("21.7", True), ("21.8", False), ("24", False)):
        made = terms(rate, 12, months_later(start, 1, 23))
        sheet = make_sheet(made, 10**7, start, build(made, 10**7, start), _BANK, [])
        assert (sheet.compound_ppm <= CEILING_PPM) is allowed
        if allowed:
            assert require_publishable(sheet) is sheet
        else:
            with pytest.raises(InvalidInput, match="LOAN_COST_ABOVE_CEILING"):
                require_publishable(sheet)
