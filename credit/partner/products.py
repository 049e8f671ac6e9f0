"""Products of a bank: read, proposed, changed; somebody at the platform puts them in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.texts import Named as Words
from credit.lending import api as lending
from credit.lending.api import (
    DayCount,
    Fee,
    FeeTime,
    HolidayRule,
    Part,
    Product,
    ProductKind,
    RepaymentForm,
)
from credit.partner.models import Bank
from credit.partner.operation import Body, NoQuery, Operation, View, Visit
from credit.partner.scopes import PartnerScope
from credit.partner.wire import BothLanguages, Code, Fen, Named

TAG = "products"

Months = Annotated[int, Field(ge=1, le=360)]
Margin = Annotated[int, Field(ge=-10_000, le=10_000, description="Basis points over `reference`.")]


class FeeBody(Body):
    """A cost beside interest, an amount or a share of the loan; there are no others."""

    name: BothLanguages
    payee: BothLanguages
    basis: BothLanguages
    when: FeeTime
    amount_fen: int = Field(0, ge=0, le=10**9)
    share_bps: int = Field(0, ge=0, le=10_000)

    @model_validator(mode="after")
    def _require_price(self) -> Self:
        if not (self.amount_fen or self.share_bps):
            raise ValueError("a fee without amount_fen and share_bps costs nothing")
        return self


class EligibilityBody(Body):
    """Whom the product is for: `field` of the company is at least, or at most, a value."""

    code: str = Field(pattern="^[A-Z][A-Z0-9_]{1,63}$")
    field: str = Field(pattern="^[a-z][a-z0-9_]{1,63}$")
    least: Annotated[int, Field(ge=-(10**12), le=10**12)] | None = None
    most: Annotated[int, Field(ge=-(10**12), le=10**12)] | None = None
    text: BothLanguages


class ProductBody(Body):
    """A product, or its next version under the same code."""

    code: Code
    kind: ProductKind
    title: BothLanguages
    summary: BothLanguages
    least_fen: Fen
    most_fen: Fen
    months_least: Months
    months_most: Months
    forms: list[RepaymentForm] = Field(min_length=1, max_length=4)
    reference: Literal["lpr_1y", "lpr_5y"] = Field(description="The published rate.")
    margin_least_bps: Margin
    margin_most_bps: Margin
    day_count: DayCount
    holiday_rule: HolidayRule
    penalty_bps: int = Field(15_000, ge=10_000, le=20_000)
    order: list[Part] = Field(
        default_factory=lambda: list(lending.DEFAULT_ORDER),
        min_length=4,
        max_length=4,
        description="What a payment is set against first (Civil Code art. 561 unless agreed).",
    )
    fees: list[FeeBody] = Field(
        default_factory=list,
        max_length=20,
        description="Every cost beside interest; without any the product has none.",
    )
    eligibility: list[EligibilityBody] = Field(default_factory=list, max_length=40)
    sources: list[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{1,31}$")]] = Field(
        default_factory=list, max_length=20, description="What companies are asked to let you read."
    )


class ProductView(View):
    """One version of a product."""

    code: str
    version: int
    state: Literal["PROPOSED", "PUBLISHED", "REJECTED", "RETIRED"]
    kind: ProductKind
    title: Named
    least_fen: int
    most_fen: int
    months_least: int
    months_most: int
    forms: Sequence[RepaymentForm]
    reference: str
    margin_least_bps: int
    margin_most_bps: int
    proposed_at: datetime
    published_at: datetime | None


class ProductList(View):
    """All versions of your products, the newest of each first."""

    items: list[ProductView]


async def _list(visit: Visit) -> ProductList:
    found = await lending.list_products(visit.bank.id)
    return ProductList(items=[_view(row, product) for row, product in found])


async def _propose(visit: Visit) -> ProductView:
    product = _product(visit.bank, visit.body)
    by = f"bank:{visit.bank.id}"
    row = await lending.propose_product(visit.app, visit.tx, visit.bank.id, product, by)
    return _view(row, product)


def _product(bank: Bank, body: ProductBody) -> Product:
    given = {
        name: getattr(body, name)
        for name in type(body).model_fields
        if name not in ("title", "summary", "fees", "eligibility")
    }
    return Product(
        bank=bank.id,
        bank_name=Words(bank.name_zh, bank.name_en),
        title=_words(body.title),
        summary=_words(body.summary),
        fees=tuple(
            Fee(
                name=_words(fee.name),
                payee=_words(fee.payee),
                basis=_words(fee.basis),
                when=fee.when,
                amount_fen=fee.amount_fen,
                share_bps=fee.share_bps,
            )
            for fee in body.fees
        ),
        eligibility=tuple(
            lending.Eligibility(
                code=rule.code,
                field=rule.field,
                least=rule.least,
                most=rule.most,
                text=_words(rule.text),
            )
            for rule in body.eligibility
        ),
        **given,
    )


def _words(name: BothLanguages) -> Words:
    return Words(name.zh, name.en)


def _view(row: lending.ProductVersion, product: Product) -> ProductView:
    given = {
        name: getattr(product, name)
        for name in ProductView.model_fields
        if hasattr(product, name) and name != "title"
    }
    return ProductView(
        version=row.version,
        state=row.state,
        title=Named.model_validate(product.title),
        proposed_at=row.proposed_at,
        published_at=row.published_at,
        **given,
    )


_SCOPE = PartnerScope.PRODUCTS_PROPOSE
OPERATIONS = (
    Operation(
        *("listProducts", "GET", "/products", TAG, "List products", _SCOPE, ProductList),
        _list,
        query=NoQuery,
    ),
    Operation(
        *("proposeProduct", "POST", "/products", TAG, "Propose a product, or a change", _SCOPE),
        ProductView,
        _propose,
        body=ProductBody,
        status=201,
        description="Refused where its dearest loan would cost above 24 % a year in all.",
    ),
)
