"""The cost sheet: every item of what a loan costs, all of it as one annual rate.

Sources: the People's Bank of China's 企业贷款综合融资成本清单 (for companies), and
《个人贷款业务明示综合融资成本规定》, in force since 2026-08-01 (for natural persons): each interest
and other item with payee, basis and time, the annual cost if performed normally, what default may
cost, and that nothing else is charged. The ceiling of 24 % is that of 金规〔2025〕9号.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from core.errors import InvalidInput
from core.money import portion_bps
from core.texts import Named, Text
from credit.lending.terms.annual_rate import AnnualRate, Flow, annual_rate, monthly_flow
from credit.lending.terms.money_terms import PPM, Terms
from credit.lending.terms.schedule import Row, interest_until

CEILING_PPM = 240_000
ABOVE_CEILING = Text(
    "LOAN_COST_ABOVE_CEILING",
    "综合融资成本年化 {rate}% 超过 24%,不能发布",
    "All costs come to {rate} % a year, above 24 %; the terms cannot be published",
)
SHEET_MISSING = Text(
    "LOAN_COST_SHEET_MISSING",
    "没有综合融资成本清单,不能发布",
    "There is no cost sheet; the terms cannot be published",
)
_MONTHS = 12
_BPS = 10_000


class FeeTime(StrEnum):
    """When a fee is paid. START: when the loan is paid out. YEARLY: then and each year after."""

    START = "START"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Fee:
    """A cost beside interest: an amount, or a share of the principal in basis points."""

    name: Annotated[Named, "What it is for."]
    payee: Annotated[Named, "Who charges it."]
    basis: Annotated[Named, "On what ground, and how it is reckoned."]
    when: Annotated[FeeTime, "When it is paid."]
    amount_fen: Annotated[int, "A fixed amount; 0 where it is a share."] = 0
    share_bps: Annotated[int, "A share of the principal, in basis points."] = 0

    def of(self, principal_fen: int) -> int:
        """What is paid each time."""
        return self.amount_fen + portion_bps(principal_fen, self.share_bps)


@dataclass(frozen=True, slots=True)
class CostItem:
    """A line of the sheet."""

    name: Annotated[Named, "What it is for."]
    payee: Annotated[Named, "Who charges it."]
    basis: Annotated[Named, "On what ground, and how it is reckoned."]
    when: Annotated[Named, "When it is paid."]
    amount_fen: Annotated[int, "What it comes to over the life of the loan."]


@dataclass(frozen=True, slots=True)
class DefaultCost:
    """What may be charged only if the loan is not performed."""

    text: Annotated[Named, "What, and how it is reckoned."]


@dataclass(frozen=True, slots=True)
class CostSheet:
    """What a loan costs if it is performed as agreed."""

    principal_fen: Annotated[int, "What is lent."]
    items: Annotated[Sequence[CostItem], "Every item; nothing else is charged."]
    total_fen: Annotated[int, "All items together."]
    nominal_ppm: Annotated[int, "The annual rate of all costs, nominal, in parts per million."]
    compound_ppm: Annotated[int, "The same, compound: (1 + monthly rate)^12 - 1."]
    on_default: Annotated[
        Sequence[DefaultCost], "What may come on top if it is not performed; nothing else is."
    ]


_INTEREST = Named("利息", "Interest")
_EACH_DUE_DAY = Named("每期还款日", "On each due day")
_TIMES = {
    FeeTime.START: Named("放款时", "When the loan is paid out"),
    FeeTime.YEARLY: Named("放款时及每满一年", "When the loan is paid out, and each year"),
}


def make_sheet(
    terms: Terms,
    principal_fen: int,
    start_on: date,
    rows: Sequence[Row],
    lender: Named,
    fees: Sequence[Fee],
) -> CostSheet:
    """The sheet of a schedule. Raises InvalidInput LOAN_RATE_UNDEFINED."""
    flows = [Flow(principal_fen, 0)]
    flows += [monthly_flow(-row.due_fen, start_on, interest_until(terms, row)) for row in rows]
    rate = Named(
        f"年利率 {percent(terms.rate_ppm)}%(单利)", f"{percent(terms.rate_ppm)} % a year, simple"
    )
    items = [
        CostItem(_INTEREST, lender, rate, _EACH_DUE_DAY, sum(row.interest_fen for row in rows))
    ]
    for fee in fees:
        times = _times(fee.when, start_on, rows[-1].nominal_on)
        each = fee.of(principal_fen)
        flows += [Flow(-each, months) for months in times if each]
        items.append(CostItem(fee.name, fee.payee, fee.basis, _TIMES[fee.when], each * len(times)))
    cost = _rate(flows)
    return CostSheet(
        principal_fen,
        items,
        sum(item.amount_fen for item in items),
        cost.nominal_ppm,
        cost.compound_ppm,
        _on_default(terms),
    )


def require_publishable(sheet: CostSheet | None) -> CostSheet:
    """The sheet, where terms may be shown to borrowers with it.

    Raises InvalidInput LOAN_COST_SHEET_MISSING, LOAN_COST_ABOVE_CEILING (by the higher, compound
    rate).
    """
    if sheet is None:
        raise InvalidInput(SHEET_MISSING, "costs")
    if max(sheet.compound_ppm, sheet.nominal_ppm) > CEILING_PPM:
        raise InvalidInput(ABOVE_CEILING, "costs", rate=percent(sheet.compound_ppm))
    return sheet


def percent(rate_ppm: int) -> str:
    """A rate for people: percent with at least two places."""
    whole, rest = divmod(abs(rate_ppm), PPM // 100)
    digits = f"{rest:04d}".rstrip("0").ljust(2, "0")
    return f"{'-' if rate_ppm < 0 else ''}{whole}.{digits}"


def _rate(flows: Sequence[Flow]) -> AnnualRate:
    """Flows of one time are one: what is kept back at the start was never lent."""
    sums: dict[tuple[int, float], int] = {}
    for flow in flows:
        place = (flow.periods, flow.rest)
        sums[place] = sums.get(place, 0) + flow.amount_fen
    return annual_rate([Flow(fen, *place) for place, fen in sums.items()], _MONTHS)


def _times(when: FeeTime, start_on: date, end_on: date) -> list[int]:
    """The months after the start at which a fee is paid; a year that only begins counts."""
    if when is FeeTime.START:
        return [0]
    months = (end_on.year - start_on.year) * _MONTHS + end_on.month - start_on.month
    return list(range(0, max(months, 1), _MONTHS))


def _on_default(terms: Terms) -> list[DefaultCost]:
    rate = percent(terms.rate_ppm * terms.penalty_bps // _BPS)
    return [
        DefaultCost(
            Named(
                f"逾期本金按年利率 {rate}% 计收罚息,还款当日不计",
                f"Overdue principal bears {rate} % a year, the day of payment not counted",
            )
        ),
        DefaultCost(
            Named("债权人实现债权的合理费用", "The lender's reasonable costs of collecting")
        ),
    ]
