"""An owner, her company, two banks: what tests of lending begin with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from core.upstream.client import UpstreamUnavailable
from credit.lending import api
from credit.lending.api import Approval, Refusal, RepaymentForm
from credit.lending.applications import owner_side, routing
from credit.lending.companies import service as companies
from credit.lending.companies.upstream import Registered, SourceAnswer
from credit.lending.records import store
from credit.lending.records.models import BankApplication, LoanRow
from kinds.application import service as cases
from kinds.application.models import Case

USCC = "913700001630477270"
OTHER_USCC = "91110000600037341L"
"""Published codes: stdnum.cn.uscc and Rockyzsu/social_code_validation."""
NAME = "张三"
CITY, RURAL = "city-bank", "rural-bank"
FORM = {
    "uscc": USCC,
    "product": "city-bank-credit",
    "second_product": "rural-bank-tax",
    "amount_yuan": "300000",
    "months": "12",
    "form": "EQUAL_INSTALMENT",
    "purpose": "采购原材料",
}
SOURCES = ["registry", "tax", "invoices"]
VALUES: Mapping[str, Mapping[str, float | int | str]] = {
    "registry": {"months_registered": 60, "registry_changes_24m": 0},
    "tax": {"tax_grade_points": 4, "tax_late_12m": 0},
    "invoices": {"invoiced_12m_fen": 400_000_000, "invoiced_prev_12m_fen": 380_000_000,
                 "top_buyer_share": 0.2},
}  # fmt: skip


@dataclass
class FakeCity:
    """The register and the sources; `asked` is every pull with its consent, `companies` who stands
    for which."""

    asked: list[tuple[str, str, UUID]] = field(default_factory=list)
    companies: dict[str, str] = field(default_factory=lambda: {USCC: NAME})
    down: set[str] = field(default_factory=set)
    values: dict[str, Mapping[str, float | int | str]] = field(default_factory=lambda: dict(VALUES))

    async def find_registered(self, uscc: str) -> Registered | None:
        """One company, of Zhang San, unless a test says otherwise."""
        if "register" in self.down:
            raise UpstreamUnavailable("company_register", "find_registered", "down")
        if uscc not in self.companies:
            return None
        name = self.companies[uscc]
        return Registered(uscc, "测试有限公司", name, "370102", "F", date(2020, 1, 1))

    async def pull(self, source: str, uscc: str, bank: str, consent_id: UUID) -> SourceAnswer:
        """What a source knows; nothing while it is down."""
        if source in self.down:
            raise UpstreamUnavailable("enterprise_data", "pull", "down")
        self.asked.append((source, bank, consent_id))
        return SourceAnswer(source in self.values, self.values.get(source, {}))


def key() -> str:
    """A fresh idempotency key."""
    return f"key-{new_id().hex}"


@dataclass
class Owner:
    """An owner with her company; her steps in few words."""

    app: App
    call: Call
    company_id: UUID

    async def consent(self, bank: str, sources: list[str] = SOURCES) -> None:
        """Let a bank have data."""
        await companies.give_consents(self.call, self.company_id, bank, sources, key())

    async def apply(self, **changes: str) -> Case:
        """Submit an application, and have it checked."""
        case = await self.submit(**changes)
        await routing.place(self.app, case.id, "checking")
        return await self.case(case.id)

    async def submit(self, **changes: str) -> Case:
        """Submit an application; nobody has looked at it yet."""
        form = {name: text for name, text in (FORM | changes).items() if text}
        case = await cases.open_case(self.call, "loan-apply", form, key())
        await cases.take_step(self.call, case.id, "submit", "", key())
        return await self.case(case.id)

    async def case(self, case_id: UUID) -> Case:
        """Her case as it stands."""
        return await cases.get_case(self.call, case_id)

    async def answers(self, case: Case) -> dict[str, BankApplication]:
        """The applications of a case, by bank."""
        return {row.bank: row for row in await owner_side.list_answers(self.call, case.id)}

    async def accept(self, application_id: UUID) -> None:
        """Accept an offer."""
        await owner_side.accept_offer(self.call, application_id, key())

    async def sign(self, application_id: UUID) -> str:
        """Sign; the hash of the contract."""
        return (await owner_side.sign_contract(self.call, application_id, key())).sha256


async def make_owner(app: App, call: Call) -> Owner:
    """A representative who has taken her company on."""
    standing = await companies.link_company(call, USCC, key())
    return Owner(app, call, standing.company.id)


def approval(app: App, **changes: object) -> Approval:
    """An offer of what was asked for."""
    today = civil_date(app.clock.now())
    values: dict[str, object] = {
        "amount_fen": 30_000_000,
        "months": 12,
        "form": RepaymentForm.EQUAL_INSTALMENT,
        "margin_bps": 100,
        "valid_until": today + timedelta(days=10),
    }
    return Approval(**(values | changes))  # type: ignore[arg-type]


async def decide(app: App, row: BankApplication, decision: Approval | Refusal) -> BankApplication:
    """A bank's answer."""
    async with transaction() as tx:
        return await api.decide(app, tx, row.bank, row.id, decision)


async def disburse(app: App, row: BankApplication, **changes: object) -> LoanRow:
    """A bank pays out."""
    values = {"on": civil_date(app.clock.now()), "amount_fen": 30_000_000, "ref": new_id().hex}
    async with transaction() as tx:
        return await api.confirm_disbursement(app, tx, row.bank, row.id, **(values | changes))


async def lend(app: App, owner: Owner) -> LoanRow:
    """The whole way to a loan of the city bank."""
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    await decide(app, row, approval(app))
    await owner.accept(row.id)
    await owner.sign(row.id)
    loan = await disburse(app, row)
    assert (await store.find_loan(loan.id)) is not None
    return loan
