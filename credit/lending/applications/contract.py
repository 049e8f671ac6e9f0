"""The contract of a loan: parties and terms, the cost sheet, the schedule; signed for both sides.

The platform's e-signature service signs on each side's behalf with its document key: for the
borrower on her confirmed identity, for the lender on its offer (E-Signature Law art. 13 and 14).
Each signature stands in the PDF by itself and any PDF reader verifies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.city import City
from core.money import format_yuan
from core.standards import sheet
from core.standards.sheet import Line, Sheet
from core.standards.signed_pdf import Field, sign
from core.texts import Named
from credit.lending.applications.definition import FORM_TITLES
from credit.lending.applications.domain import Offer
from credit.lending.products.domain import Plan, Product
from credit.lending.records.models import Company
from credit.lending.terms.cost_sheet import percent
from credit.lending.terms.money_terms import DayCount, HolidayRule, Part

_LINES_A_PAGE = 10
_TITLE = Named("借款合同", "Loan contract")
_SHEET = Named("综合融资成本清单", "Sheet of all costs of the loan")
_SCHEDULE = Named("还款计划", "Repayment schedule")
_NOTE = Named(
    "除本清单所列项目外不收取其他费用;还款计划以实际放款日为准。",
    "Nothing but what is listed is charged; the schedule follows the day of disbursement.",
)
_PROVISIONAL = " (暂定 provisional)"
"""Of a day whose year's holidays are not published: it may move, and its interest with it."""
_DAY_COUNTS = {
    DayCount.ACT_360: "ACT/360",
    DayCount.ACT_365: "ACT/365",
    DayCount.ACT_ACT: "ACT/ACT (ISDA)",
    DayCount.THIRTY_360: "30/360",
}
_HOLIDAYS = {
    HolidayRule.SAME_DAY: "不顺延 / none",
    HolidayRule.NEXT_WORKDAY: "顺延至下一工作日,利息不变 / next working day, interest unchanged",
    HolidayRule.NEXT_WORKDAY_INTEREST: "顺延并计息 / next working day, interest runs on",
}
_PARTS = {
    Part.COSTS: "费用 costs",
    Part.PENALTY: "罚息 penalty",
    Part.INTEREST: "利息 interest",
    Part.PRINCIPAL: "本金 principal",
}


@dataclass(frozen=True, slots=True)
class Parties:
    """Who signs what."""

    no: str
    company: Company
    representative: str
    product: Product


def render(city: City, parties: Parties, offer: Offer, plan: Plan) -> bytes:
    """The unsigned PDF, the same bytes each time."""

    def page(title: Named, lines: Sequence[Line]) -> Sheet:
        return Sheet(title, parties.no, city.name, city.app_name, lines, _NOTE)

    pages = [page(_TITLE, _terms(parties, offer, plan))]
    pages += [page(_SHEET, lines) for lines in _paged(_costs(plan))]
    pages += [page(_SCHEDULE, lines) for lines in _paged(_rows(plan))]
    return sheet.render(*pages)


def sign_both(
    pdf: bytes, parties: Parties, *, key: bytes, certificates: bytes, at: datetime
) -> bytes:
    """The PDF with a signature for the borrower, then one for the lender. To be run in a thread.

    It bears no seal: ours would be that of a party, and the parties' own are not ours to draw.
    """
    sides = (("Borrower", parties.company.name), ("Lender", parties.product.bank_name.zh))
    for side, name in sides:
        reason, field = f"{side}: {name}", Field(side)
        pdf = sign(pdf, key=key, certificates=certificates, reason=reason, at=at, field=field)
    return pdf


def _terms(parties: Parties, offer: Offer, plan: Plan) -> list[Line]:
    terms = plan.terms
    reference = f"{offer.reference} {percent(offer.reference_bps * 100)}%"
    rate = f"{percent(terms.rate_ppm)}% = {reference} {offer.margin_bps:+d} bp"
    return [
        Line("借款人", "Borrower", f"{parties.company.name} {parties.company.uscc}"),
        Line("法定代表人", "Represented by", parties.representative),
        Line("贷款人", "Lender", f"{parties.product.bank_name.zh} {parties.product.title.zh}"),
        Line("金额", "Amount", f"¥{format_yuan(offer.amount_fen)}"),
        Line("年利率", "Annual interest", rate),
        Line("期限与还款方式", "Repayment", f"{offer.months} {FORM_TITLES[offer.form].zh}"),
        Line("计息与节假日", "Day count, holidays",
             f"{_DAY_COUNTS[terms.day_count]}; {_HOLIDAYS[terms.holiday_rule]}"),
        Line("清偿顺序", "Order of payments", " → ".join(_PARTS[part] for part in terms.order)),
        Line("罚息利率", "Penalty rate",
             f"{percent(terms.rate_ppm * terms.penalty_bps // 10_000)}%"),
    ]  # fmt: skip


def _costs(plan: Plan) -> list[Line]:
    costs = plan.sheet
    lines = [
        Line(item.name.zh, item.name.en,
             f"¥{format_yuan(item.amount_fen)}  {item.payee.zh}  {item.basis.zh}  {item.when.zh}")
        for item in costs.items
    ]  # fmt: skip
    nominal, compound = percent(costs.nominal_ppm), percent(costs.compound_ppm)
    rates = f"{nominal}% (单利 nominal) {compound}% (复利 compound)"
    lines += [
        Line("合计", "Total", f"¥{format_yuan(costs.total_fen)}"),
        Line("综合年化成本", "All costs a year", rates),
    ]
    return lines + [Line("违约时", "On default", one.text.zh) for one in costs.on_default]


def _rows(plan: Plan) -> list[Line]:
    return [
        Line(f"第 {row.number} 期", f"No. {row.number}",
             f"{row.due_on}{_PROVISIONAL if row.is_provisional else ''}    "
             f"¥{format_yuan(row.due_fen)}    "
             f"本金 {format_yuan(row.principal_fen)}  利息 {format_yuan(row.interest_fen)}")
        for row in plan.rows
    ]  # fmt: skip


def _paged(lines: Sequence[Line]) -> list[Sequence[Line]]:
    return [lines[at : at + _LINES_A_PAGE] for at in range(0, len(lines), _LINES_A_PAGE)]
