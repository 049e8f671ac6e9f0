"""A loan product: what a bank offers to whom, and the rules by which it is lent.

Everything that money depends on (day count, holidays, order of payments, penalty) stands in the
product's version and is copied into the contract.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from core.city import Calendar
from core.errors import InvalidInput
from core.texts import Named, Text
from credit.lending.terms.cost_sheet import CostSheet, Fee, make_sheet, require_publishable
from credit.lending.terms.days import months_later
from credit.lending.terms.money_terms import (
    DEFAULT_ORDER,
    PENALTY_BPS,
    PPM_OF_BP,
    DayCount,
    HolidayRule,
    Part,
    RepaymentForm,
    Terms,
)
from credit.lending.terms.schedule import Row, build

MOST_FEN = 1_000_000_000
"""Ten million yuan inclusive: the ceiling of an inclusive small-business loan
(银保监办发〔2020〕15号)."""

TERMS_OUTSIDE = Text(
    "LOAN_TERMS_OUTSIDE_PRODUCT",
    "金额、期限、还款方式或利率超出该产品范围",
    "Amount, months, form or rate lie outside what the product offers",
)
PRODUCT_INVALID = Text(
    "LOAN_PRODUCT_INVALID",
    "产品资料不完整或自相矛盾",
    "The product is incomplete or contradicts itself",
)


class ProductKind(StrEnum):
    """What a product rests on. CREDIT: the company alone (信用贷). TAX: its tax record (税贷).
    MORTGAGE: real estate (抵押贷). GUARANTEED: a guarantor (保证贷).
    """

    CREDIT = "CREDIT"
    TAX = "TAX"
    MORTGAGE = "MORTGAGE"
    GUARANTEED = "GUARANTEED"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whom a product is for: `field` of the company is at least, or at most, `value`."""

    code: Annotated[str, "A stable code."]
    field: Annotated[str, "What is looked at."]
    text: Annotated[Named, "The rule in plain words."]
    least: Annotated[int | None, "It is at least this."] = None
    most: Annotated[int | None, "It is at most this."] = None

    def holds(self, facts: Mapping[str, int]) -> bool | None:
        """Whether it holds; None where nobody knows."""
        value = facts.get(self.field)
        if value is None:
            return None
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One version of a product."""

    code: Annotated[str, "The product's code."]
    bank: Annotated[str, "The bank's id."]
    bank_name: Annotated[Named, "The bank."]
    kind: Annotated[ProductKind, "What it rests on."]
    title: Annotated[Named, "What it is called."]
    summary: Annotated[Named, "Whom it is for, in a sentence."]
    least_fen: Annotated[int, "The least that is lent."]
    most_fen: Annotated[int, "The most that is lent."]
    months_least: Annotated[int, "The shortest loan, in months."]
    months_most: Annotated[int, "The longest loan, in months."]
    forms: Annotated[Sequence[RepaymentForm], "How it may be repaid."]
    reference: Annotated[str, "The published rate that the price is told against."]
    margin_least_bps: Annotated[int, "The least margin over it, in basis points."]
    margin_most_bps: Annotated[int, "The most."]
    day_count: Annotated[DayCount, "How days become a part of a year."]
    holiday_rule: Annotated[HolidayRule, "What becomes of due days on which banks are closed."]
    penalty_bps: Annotated[int, "Penalty rate over the contract's rate: 15,000 is 150 %."] = (
        PENALTY_BPS
    )
    order: Annotated[Sequence[Part], "What a payment is set against first."] = DEFAULT_ORDER
    fees: Annotated[Sequence[Fee], "Every cost beside interest."] = ()
    eligibility: Annotated[Sequence[Eligibility], "Whom it is for."] = ()
    sources: Annotated[Sequence[str], "What the company is asked to let the bank read."] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Terms with their schedule and their cost sheet."""

    terms: Terms
    principal_fen: int
    start_on: date
    rows: Sequence[Row]
    sheet: CostSheet


def plan(
    product: Product,
    amount_fen: int,
    months: int,
    form: RepaymentForm,
    rate_bps: int,
    start_on: date,
    calendar: Calendar,
) -> Plan:
    """What a loan of a product comes to if it were paid out on a day, by the holidays known now.

    Raises InvalidInput LOAN_TERMS_OUTSIDE_PRODUCT, LOAN_COST_ABOVE_CEILING.
    """
    if not (
        product.least_fen <= amount_fen <= min(product.most_fen, MOST_FEN)
        and product.months_least <= months <= product.months_most
        and form in product.forms
        and rate_bps > 0
    ):
        raise InvalidInput(TERMS_OUTSIDE, "terms")
    is_bullet = form is RepaymentForm.BULLET
    first = months_later(start_on, months if is_bullet else 1, start_on.day)
    terms = Terms(
        form=form,
        day_count=product.day_count,
        rate_ppm=rate_bps * PPM_OF_BP,
        instalments=1 if is_bullet else months,
        first_due_on=first,
        anchor_day=start_on.day,
        holiday_rule=product.holiday_rule,
        penalty_bps=product.penalty_bps,
        order=tuple(product.order),
    )
    rows = build(terms, amount_fen, start_on, calendar)
    sheet = make_sheet(terms, amount_fen, start_on, rows, product.bank_name, product.fees)
    return Plan(terms, amount_fen, start_on, rows, require_publishable(sheet))


def check_product(product: Product, reference_bps: int, today: date, calendar: Calendar) -> None:
    """Refuse a version that contradicts itself, or whose dearest loan cannot be published.

    Raises InvalidInput.
    """
    if not (
        0 < product.least_fen <= product.most_fen <= MOST_FEN
        and 0 < product.months_least <= product.months_most <= 360
        and product.forms
        and product.margin_least_bps <= product.margin_most_bps
        and reference_bps + product.margin_least_bps > 0
        and sorted(product.order) == sorted(Part)
        and 10_000 <= product.penalty_bps <= 20_000
    ):
        raise InvalidInput(PRODUCT_INVALID, "product")
    rate = reference_bps + product.margin_most_bps
    for form in product.forms:
        for months in {product.months_least, product.months_most}:
            plan(product, product.least_fen, months, form, rate, today, calendar)


def unmet(product: Product, facts: Mapping[str, int]) -> list[Eligibility]:
    """The rules that certainly do not hold; what nobody knows is not among them."""
    return [rule for rule in product.eligibility if rule.holds(facts) is False]
