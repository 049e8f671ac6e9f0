"""The annual rate of a series of payments (IRR), nominal and compound.

Time runs in unit periods as in Regulation Z, appendix J: whole periods, and a rest of a period at
simple interest. The rate of one period is found by bisection between bounds that hold it; there is
one only where the payments change sign once (Descartes' rule).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from core.clock import months_between
from core.errors import InvalidInput
from core.texts import Text
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import PPM

RATE_UNDEFINED = Text(
    "LOAN_RATE_UNDEFINED",
    "该笔融资的现金流无法得出年化利率,不能发布",
    "These payments have no annual rate; the terms cannot be published",
)
_LEAST, _MOST = -0.999_999, 1e6
_STEPS = 200
_MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Flow:
    """A payment: received above zero, paid below. `rest` is a part of a period, 0 to 1."""

    amount_fen: int
    periods: int
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class AnnualRate:
    """An annual rate, in parts per million: nominal (a period's rate times the periods of a year)
    and compound."""

    nominal_ppm: int
    compound_ppm: int


def annual_rate(flows: Sequence[Flow], periods_per_year: float) -> AnnualRate:
    """The annual rate of payments. Raises InvalidInput LOAN_RATE_UNDEFINED as `period_rate`."""
    rate = period_rate(flows)
    compound = (1 + rate) ** periods_per_year - 1
    return AnnualRate(round(rate * periods_per_year * PPM), round(compound * PPM))


def period_rate(flows: Sequence[Flow]) -> float:
    """The rate of one period at which the payments are worth nothing together.

    Raises InvalidInput LOAN_RATE_UNDEFINED where they do not change sign exactly once in time, or
    no rate between -99.9999 % and 100,000,000 % fits.
    """
    ordered = sorted(flows, key=lambda flow: flow.periods + flow.rest)
    signs = [flow.amount_fen > 0 for flow in ordered if flow.amount_fen]
    if sum(a is not b for a, b in pairwise(signs)) != 1:
        raise InvalidInput(RATE_UNDEFINED, "payments")
    lends = not signs[0]  # who pays first lends: worth falls as the rate rises
    low, high = _LEAST, 1.0
    while (_worth(ordered, high) > 0) is lends and high < _MOST:
        high *= 4
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if (_worth(ordered, middle) > 0) is lends:
            low = middle
        else:
            high = middle
    if high >= _MOST or low == _LEAST:
        raise InvalidInput(RATE_UNDEFINED, "payments")
    return (low + high) / 2


def monthly_flow(amount_fen: int, start_on: date, on: date) -> Flow:
    """A payment on a day as seen from the start: whole months counted back from it, and the days
    that are left over 30."""
    months = months_between(start_on, on)
    while months > 0 and months_later(on, -months, on.day) < start_on:
        months -= 1
    days = (months_later(on, -months, on.day) - start_on).days
    return Flow(amount_fen, months, max(days, 0) / _MONTH_DAYS)


def _worth(flows: Sequence[Flow], rate: float) -> float:
    """The sign of this is that of the payments' worth; no power grows without bound."""
    last = max(flow.periods for flow in flows) if rate < 0 else 0
    return sum(
        flow.amount_fen / (1 + flow.rest * rate) * (1 + rate) ** (last - flow.periods)
        for flow in flows
    )
