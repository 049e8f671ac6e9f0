"""Companies whose applications lie at banks, made below the owner's screens."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.texts import Named
from credit.lending.api import BankApplicationChanged, Facts
from credit.lending.applications import bank_side, cases, owner_side
from credit.lending.applications.definition import LOAN
from credit.lending.products import service as products
from credit.lending.products.domain import Product, ProductKind
from credit.lending.records import store
from credit.lending.records.models import (
    PURPOSE,
    BankApplication,
    Company,
    Consent,
    ProductVersion,
)
from credit.lending.terms.money_terms import DayCount, HolidayRule, RepaymentForm
from kinds.application import engine, versions
from kinds.application.definition import Actor
from kinds.application.engine import By, take_outside
from kinds.application.opening import Opening, open_in
from sandbox.population.institutions import uscc

AMOUNT_FEN = 50_000_000
_NUMBERS = count(1)


def product_of(bank: str, code: str | None = None) -> Product:
    """A plain credit product of a bank."""
    return Product(
        code=code or f"{bank}-credit",
        bank=bank,
        bank_name=Named("示范银行", "Model Bank"),
        kind=ProductKind.CREDIT,
        title=Named("信用贷", "Credit loan"),
        summary=Named("凭信用", "On credit"),
        least_fen=1_000_000,
        most_fen=1_000_000_000,
        months_least=3,
        months_most=36,
        forms=(RepaymentForm.EQUAL_INSTALMENT, RepaymentForm.INTEREST_FIRST),
        reference="lpr_1y",
        margin_least_bps=0,
        margin_most_bps=300,
        day_count=DayCount.ACT_360,
        holiday_rule=HolidayRule.SAME_DAY,
        sources=("tax", "invoices"),
    )


async def publish(app: App, product: Product) -> ProductVersion:
    """Put a product in force."""
    async with transaction() as tx:
        row = await products.propose(app, tx, product, "one")
        return await products.approve(app, tx, row.id, "another", publish=True)


@dataclass(frozen=True)
class Borrower:
    """A company with an application at each of some banks."""

    company_id: UUID
    case_id: UUID
    applications: dict[str, UUID]


async def apply(
    app: App, *banks: str, amount_fen: int = AMOUNT_FEN, product: str | None = None
) -> Borrower:
    """A company that lets each bank read its tax record and nothing else, applied at them."""
    number, now = next(_NUMBERS), app.clock.now()
    company_id, person_id = new_id(), new_id()
    await Company.create(
        id=company_id,
        uscc=uscc(number),
        name=f"第{number}号示范公司",
        district="370102",
        industry="F51",
        registered_on=date(2019, 5, 1),
        looked_at=now,
    )
    for bank in banks:
        if await ProductVersion.filter(bank=bank).count() == 0:
            await publish(app, product_of(bank))
        given = {"given_by": person_id, "given_at": now, "text_version": "1"}
        await Consent.create(id=new_id(), company_id=company_id, bank=bank, source="tax", **given)
    case_id = await _open_case(app, person_id)
    asked = {"amount_fen": amount_fen, "months": 12, "form": "EQUAL_INSTALMENT"}
    ids = {"case_id": case_id, "company_id": company_id, "person_id": person_id}
    found = {
        bank: await _place(
            app, f"RZ{number:06d}-{place}", bank, product or f"{bank}-credit", ids | asked
        )
        for place, bank in enumerate(banks, 1)
    }
    return Borrower(company_id, case_id, found)


async def _place(app: App, no: str, bank: str, product: str, given: dict[str, object]) -> UUID:
    """An application at a bank, of which the bank hears."""
    application_id, now = new_id(), app.clock.now()
    facts = [
        Facts("tax", "answered", {"tax_grade": "A", "turnover_fen": 800_000_000}),
        Facts("invoices", "answered", {"invoices_12m": 240}),
    ]
    async with transaction() as tx:
        await store.insert(
            *(tx, BankApplication),
            id=application_id,
            no=no,
            bank=bank,
            product=product,
            product_version=1,
            purpose_sealed=app.vault.encrypt("采购原材料", PURPOSE),
            facts_sealed=bank_side.seal_facts(app, facts),
            state="RECEIVED",
            created_at=now,
            changed_at=now,
            **given,
        )
        await app.events.publish(tx, BankApplicationChanged(application_id, bank, "RECEIVED", 1))
    return application_id


async def _open_case(app: App, person_id: UUID) -> UUID:
    rules = versions.read_rules(app.settings, LOAN.service)
    definition = versions.complete(LOAN.definition, rules)
    definition_id = await versions.store(app, definition)
    category = next(iter(definition.promise))
    case_id, owner = new_id(), By(Actor.CITIZEN, person_id)
    async with transaction() as tx:
        opening = Opening(definition, definition_id, person_id, category, {})
        case = await open_in(app, tx, case_id, opening, owner)
        submit = definition.find_step("draft", "submit")
        case = await engine.take(app, tx, case, definition, submit, owner)
        await take_outside(app, tx, case, "route")
    return case_id


async def sign(app: App, borrower: Borrower, bank: str) -> UUID:
    """The owner accepts a bank's offer and signs; returns the application's id."""
    application_id = borrower.applications[bank]
    async with transaction() as tx:
        case = await cases.lock(tx, borrower.case_id)
        row = await store.lock_application(tx, application_id)
        assert row is not None
        row = await bank_side.move(app, tx, row, "accept")
        case = await take_outside(app, tx, case, "choose")
        await owner_side.keep_contract(app, tx, case, row, b"%PDF-")
    return application_id


async def withdraw_consent(app: App, borrower: Borrower, bank: str) -> None:
    """The company lets a bank read nothing any more."""
    async with transaction() as tx:
        now = app.clock.now()
        await store.withdraw_consents(tx, borrower.company_id, bank, ["tax"], now)


def approval(app: App, **changes: object) -> dict[str, object]:
    """The body of an approval."""
    until = civil_date(app.clock.now()) + timedelta(days=14)
    return {
        "outcome": "APPROVED",
        "amount_fen": AMOUNT_FEN,
        "months": 12,
        "form": "EQUAL_INSTALMENT",
        "margin_bps": 120,
        "valid_until": until.isoformat(),
    } | changes
