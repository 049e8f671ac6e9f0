"""Service 61 in GraphQL: compare products, see what a loan would cost, check oneself beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.errors import InvalidInput, NotFound
from core.graphql import Fen, Info, of_service, query, view
from core.refusal_texts import NOT_FOUND
from credit.lending.products import domain, service
from credit.lending.products.domain import Eligibility, Plan, Product
from credit.lending.terms import cost_sheet, money_terms, schedule
from credit.lending.terms.cost_sheet import CostSheet
from credit.lending.terms.money_terms import RepaymentForm

PRODUCTS = "loan-products"

view(money_terms.RepaymentForm, name="LoanRepaymentForm")
view(money_terms.DayCount, name="LoanDayCount")
view(money_terms.HolidayRule, name="LoanHolidayRule")
view(money_terms.Part, name="LoanPaymentPart")
view(domain.ProductKind, name="LoanProductKind")
view(cost_sheet.FeeTime, name="LoanFeeTime")
view(cost_sheet.Fee, name="LoanFee")
view(cost_sheet.CostItem, name="LoanCostItem")
view(cost_sheet.DefaultCost, name="LoanDefaultCost")
view(cost_sheet.CostSheet, name="LoanCostSheet")
view(Eligibility, name="LoanEligibility")
view(Product, name="LoanProduct")
view(schedule.Row, name="LoanInstalment", hidden=("nominal_on",))

Months = Annotated[int, strawberry.argument(description="For how many months.")]
Form = Annotated[RepaymentForm, strawberry.argument(description="How it is repaid.")]
Amount = Annotated[Fen, strawberry.argument(description="What would be borrowed.")]
Code = Annotated[str, strawberry.argument(description="The product's code.")]


@view
@dataclass(frozen=True, slots=True)
class LoanComparison:
    """A product beside others, for one amount, time and form."""

    product: Annotated[Product, "The product."]
    version: Annotated[int, "The version in force."]
    reference_bps: Annotated[int, "The published reference rate today, in basis points."]
    least_rate_bps: Annotated[int, "The lowest annual interest rate."]
    most_rate_bps: Annotated[int, "The highest annual interest rate."]
    at_least: Annotated[
        CostSheet | None,
        "All costs at the lowest rate; null where the product does not offer these terms.",
    ]
    at_most: Annotated[CostSheet | None, "All costs at the highest rate; null as above."]


@view
@dataclass(frozen=True, slots=True)
class LoanQuote:
    """What a loan would cost at a product's highest rate: nobody pays more."""

    rate_bps: Annotated[int, "The annual interest rate, in basis points."]
    costs: Annotated[CostSheet, "The cost sheet."]
    instalments: Annotated[Sequence[schedule.Row], "The schedule, if it were paid out today."]


@view
@dataclass(frozen=True, slots=True)
class LoanPrecheck:
    """What speaks against a product for a company, by what it says of itself. Nobody is asked and
    no trace stays at a credit bureau."""

    unmet: Annotated[Sequence[Eligibility], "Rules that do not hold."]
    unknown: Annotated[Sequence[Eligibility], "Rules on something that was not said."]


@strawberry.input(description="What a company says of itself; leave out what you do not know.")
class LoanPrecheckInput:
    months_registered: int | None = strawberry.field(
        default=None, description="Months since its registration."
    )
    tax_grade_points: int | None = strawberry.field(
        default=None, description="Its tax credit grade: A 5, B 4, M 3, C 2, D 1."
    )
    invoiced_12m: Fen | None = strawberry.field(
        default=None, description="What it has invoiced in twelve months."
    )
    insured_heads: int | None = strawberry.field(
        default=None, description="How many people it insures."
    )
    court_enforcements_24m: int | None = strawberry.field(
        default=None, description="Enforcement cases within two years."
    )

    def facts(self) -> dict[str, int]:
        """What was said, by the names that rules use."""
        said = {
            "months_registered": self.months_registered,
            "tax_grade_points": self.tax_grade_points,
            "invoiced_12m_fen": self.invoiced_12m,
            "insured_heads": self.insured_heads,
            "court_enforcements_24m": self.court_enforcements_24m,
        }
        return {name: value for name, value in said.items() if value is not None}


@strawberry.type
class Query:
    """The query fields of service 61."""

    @query(
        of_service(PRODUCTS),
        description="The loan products for small companies, with all costs of a loan side by side.",
    )
    async def loan_products(
        self, info: Info, amount: Amount, months: Months, form: Form
    ) -> list[LoanComparison]:
        """Open to anybody."""
        call = info.context
        found = await service.list_current()
        return [
            _compare(call, product, version, amount, months, form)
            for version, product in found.values()
        ]

    @query(of_service(PRODUCTS), description="What a loan of a product would cost, row by row.")
    async def loan_quote(
        self, info: Info, code: Code, amount: Amount, months: Months, form: Form
    ) -> LoanQuote:
        """Terms that the product does not offer are refused."""
        call = info.context
        product = await _get(code)
        rate = _reference(call, product) + product.margin_most_bps
        made = _plan(call, product, amount, months, form, rate)
        return LoanQuote(rate, made.sheet, made.rows)

    @query(of_service(PRODUCTS), description="Whether a company meets a product's rules.")
    async def loan_precheck(
        self,
        info: Info,
        code: Code,
        company: Annotated[
            LoanPrecheckInput, strawberry.argument(description="What the company says of itself.")
        ],
    ) -> LoanPrecheck:
        """Nothing is kept."""
        product, facts = await _get(code), company.facts()
        unknown = [rule for rule in product.eligibility if rule.holds(facts) is None]
        return LoanPrecheck(domain.unmet(product, facts), unknown)


async def _get(code: str) -> Product:
    found = (await service.list_current()).get(code)
    if found is None:
        raise NotFound(NOT_FOUND)
    return found[1]


def _compare(
    call: Call, product: Product, version: int, amount: int, months: int, form: RepaymentForm
) -> LoanComparison:
    reference = _reference(call, product)
    least, most = reference + product.margin_least_bps, reference + product.margin_most_bps

    def costs(rate: int) -> CostSheet | None:
        try:
            return _plan(call, product, amount, months, form, rate).sheet
        except InvalidInput:
            return None

    return LoanComparison(product, version, reference, least, most, costs(least), costs(most))


def _reference(call: Call, product: Product) -> int:
    return call.app.city.rate_bps(product.reference, civil_date(call.app.clock.now()))


def _plan(
    call: Call, product: Product, amount: int, months: int, form: RepaymentForm, rate_bps: int
) -> Plan:
    today, calendar = civil_date(call.app.clock.now()), call.app.city.calendar
    return domain.plan(product, amount, months, form, rate_bps, today, calendar)
