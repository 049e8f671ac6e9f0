"""Applicants of the sandbox, so that a bank that integrates can walk every path: each applies at a
product, and answers the bank's offer by the last two digits of its amount in yuan.

31 declines, 32 withdraws its consent as soon as it has applied, 33 never answers; every other
accepts and signs. Production has none.
"""

from dataclasses import dataclass
from uuid import UUID

from core.assurance import Assurance
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, connection, fetch_one, transaction
from core.deadline import Deadline
from core.errors import StartError
from core.ids import new_id
from core.queue.events import on
from core.security.authentication import Viewer
from credit.lending.api import ApplicationState, BankApplicationChanged
from credit.lending.applications import cases, owner_side
from credit.lending.applications.definition import LOAN
from credit.lending.companies.service import REPRESENTATIVE
from credit.lending.products import service as products
from credit.lending.products.domain import Product
from credit.lending.records import store
from credit.lending.records.events import LoanConsentWithdrawn
from credit.lending.records.models import BankApplication, Consent, Member
from kinds.application import engine, versions
from kinds.application.definition import Actor
from kinds.application.engine import By
from kinds.application.opening import Opening, open_in

MARK = "sandbox"
"""The version of these applicants' consents, so that nobody else's application is touched."""
NAME = "沙盒申请人"
DECLINES, WITHDRAWS, SILENT = 31, 32, 33
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Applied:
    """An application that is on its way to its bank."""

    case_no: str
    company: str


async def apply(app: App, product_code: str, amount_yuan: int) -> Applied:
    """Have a company of the sandbox apply. Raises StartError in production, for a product that is
    not in force, and where no company is free."""
    if app.settings.is_production:
        raise StartError("production has no applicants but its own")
    current = await products.list_current()
    if product_code not in current:
        raise StartError(f"no product {product_code} is in force")
    product = current[product_code][1]
    row = await fetch_one(
        connection(),
        """SELECT c.id FROM lending_company c LEFT JOIN lending_member m ON m.company_id = c.id
            WHERE m.id IS NULL ORDER BY c.uscc DESC LIMIT 1""",
    )
    if row is None:
        raise StartError("no company is free: is the sandbox seeded?")
    company = await store.find_company(row["id"])
    assert company is not None
    rules = versions.read_rules(app.settings, LOAN.service)
    definition = versions.complete(LOAN.definition, rules)
    definition_id = await versions.store(app, definition)
    owner = By(Actor.CITIZEN, new_id())
    assert owner.id is not None
    form = {
        "uscc": company.uscc,
        "product": product_code,
        "amount_yuan": str(amount_yuan),
        "months": str(min(max(_MONTHS, product.months_least), product.months_most)),
        "form": product.forms[0].value,
        "purpose": "采购原材料",
    }
    category = next(iter(definition.promise))
    async with transaction() as tx:
        await _speak_for(app, tx, company.id, owner.id, product)
        opening = Opening(definition, definition_id, owner.id, category, form)
        case = await open_in(app, tx, new_id(), opening, owner)
        submit = definition.find_step(case.state, "submit")
        await engine.take(app, tx, case, definition, submit, owner)
    return Applied(case.no, company.name)


async def _speak_for(
    app: App, tx: Transaction, company_id: UUID, person_id: UUID, product: Product
) -> None:
    now = app.clock.now()
    await store.insert(
        *(tx, Member),
        id=new_id(),
        company_id=company_id,
        person_id=person_id,
        role=REPRESENTATIVE,
        since=now,
    )
    for source in product.sources or ("registry",):
        await store.insert(
            *(tx, Consent),
            id=new_id(),
            company_id=company_id,
            bank=product.bank,
            source=source,
            given_by=person_id,
            given_at=now,
            text_version=MARK,
        )


@on("credit.BankApplicationChanged")
async def answer_bank(app: App, event: BankApplicationChanged) -> None:
    """Answer as the applicant would, where it is one of the sandbox. Repeat-safe."""
    row = await store.find_application(event.application_id)
    if app.settings.is_production or row is None or row.state != event.state:
        return
    if not await Consent.filter(given_by=row.person_id, text_version=MARK).exists():
        return
    ending = row.amount_fen // 100 % 100
    if row.state == ApplicationState.RECEIVED and ending == WITHDRAWS:
        await _withdraw(app, row)
    elif row.state == ApplicationState.OFFERED and ending == DECLINES:
        await _decline(app, row)
    elif row.state == ApplicationState.OFFERED and ending != SILENT:
        await owner_side.accept_offer(_call(app, row), row.id, f"accept-{row.id.hex}")
    elif row.state == ApplicationState.ACCEPTED:
        await _sign(app, row)


def _call(app: App, row: BankApplication) -> Call:
    viewer = Viewer(
        row.person_id, new_id(), 2, frozenset(), app.clock.now(), assurance=Assurance.CARRIER
    )
    deadline = Deadline.after(app.settings.request_deadline_s)
    return Call(app, deadline, new_id().hex, viewer)


async def _withdraw(app: App, row: BankApplication) -> None:
    async with transaction() as tx:
        live = await store.list_live_consents(row.company_id, row.bank, tx)
        sources = [consent.source for consent in live]
        now = app.clock.now()
        gone = await store.withdraw_consents(tx, row.company_id, row.bank, sources, now)
        if gone:
            news = LoanConsentWithdrawn(row.company_id, row.bank, gone, now)
            await app.events.publish(tx, news)


async def _decline(app: App, row: BankApplication) -> None:
    owner = By(Actor.CITIZEN, row.person_id)
    async with transaction() as tx:
        case = await cases.lock(tx, row.case_id)
        definition = await versions.get_stored(app, case.definition_id)
        if case.state == "offered":
            step = definition.find_step(case.state, "decline")
            await engine.take(app, tx, case, definition, step, owner)


async def _sign(app: App, row: BankApplication) -> None:
    """Sign as the owner's command does, but for the name, which no account has."""
    pdf = await owner_side.make_contract(app, row, NAME)
    async with transaction() as tx:
        case = await cases.lock(tx, row.case_id)
        locked = await store.lock_application(tx, row.id)
        if locked is not None and locked.state == ApplicationState.ACCEPTED:
            await owner_side.keep_contract(app, tx, case, locked, pdf)
