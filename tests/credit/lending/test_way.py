"""From the consent to the closed loan, in the database; on each refusal nothing has happened."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from io import BytesIO
from uuid import UUID

import pytest
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from core.assurance import Assurance
from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.errors import (
    AppError,
    Conflict,
    Forbidden,
    InvalidInput,
    LoginRequired,
    NotFound,
    RateLimited,
)
from core.ids import new_id
from core.people.directory import Person
from core.security.authentication import Viewer
from core.states import IllegalTransition
from credit.lending import api
from credit.lending.api import LoanStatus, Part, Prepayment, Refusal, RepaymentForm
from credit.lending.applications import bank_side, owner_side
from credit.lending.companies import service as companies
from credit.lending.records import store
from payments.ledger.accounts import lender_funds, loan_income, loans_of
from payments.ledger.store import get_balance
from payments.ledger.verify import verify
from tests.credit.lending.town import (
    CITY,
    NAME,
    OTHER_USCC,
    RURAL,
    USCC,
    FakeCity,
    Owner,
    approval,
    decide,
    disburse,
    key,
    lend,
)

REF = "bank-ref"


async def _repay(app: App, bank: str, loan_id: UUID, **values: object) -> api.LoanRecord:
    async with transaction() as tx:
        return await api.record_repayment(app, tx, bank, loan_id, **values)


async def _pay_next(app: App, clock: ManualClock, loan_id: UUID, ref: str) -> None:
    """Let the next due day come, and pay what is billed on it."""
    due_on = (await api.get_loan(app, CITY, loan_id)).loan.rows[0].due_on
    clock.move(timedelta(days=(due_on - civil_date(clock.now())).days))
    due = (await api.get_loan(app, CITY, loan_id)).loan.billed_fen
    found = await _repay(app, CITY, loan_id, ref=ref, on=due_on, amount_fen=due)
    assert found.loan.billed_fen == 0 and found.loan.status is LoanStatus.ACTIVE


async def test_one_bank_refuses_one_offers_and_the_loan_is_repaid(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    for bank in (CITY, RURAL):
        await owner.consent(bank)
    case = await owner.apply()
    assert case.state == "with_banks"
    rows = await owner.answers(case)
    assert set(rows) == {CITY, RURAL}
    await decide(app, rows[RURAL], Refusal("TURNOVER_LOW"))
    assert (await owner.case(case.id)).state == "with_banks"
    await decide(app, rows[CITY], approval(app))
    assert (await owner.case(case.id)).state == "offered"
    offer = (await api.get_application(app, CITY, rows[CITY].id)).offer
    assert offer is not None and offer.rate_bps == 400
    assert offer.costs.nominal_ppm > 39_000

    await owner.accept(rows[CITY].id)
    digest = await owner.sign(rows[CITY].id)
    _, pdf = await owner_side.read_contract(owner.call, rows[CITY].id)
    assert len(digest) == 64 and len(pdf) > 10_000

    loan = await disburse(app, rows[CITY])
    assert (await owner.case(case.id)).state == "disbursed"
    assert (await get_balance(loans_of(CITY))).balance_fen == 30_000_000
    for month in range(3):
        await _pay_next(app, clock, loan.id, f"r{month}")
    today = civil_date(clock.now())
    half = await _repay(
        app, CITY, loan.id, ref="pre", on=today, amount_fen=5_000_000, prepays=Prepayment.LOWER
    )
    clock.move(timedelta(days=9))
    today = civil_date(clock.now())
    payoff = (await api.get_loan(app, CITY, loan.id)).loan.payoff_fen
    with pytest.raises(InvalidInput, match="LOAN_AMOUNT_WRONG"):
        await _repay(app, CITY, loan.id, ref="much", on=today, amount_fen=payoff + 1,
                     prepays=Prepayment.SHORTEN)  # fmt: skip
    closed = await _repay(
        app, CITY, loan.id, ref="end", on=today, amount_fen=payoff, prepays=Prepayment.SHORTEN
    )
    assert half.loan.principal_fen > closed.loan.principal_fen == closed.loan.payoff_fen == 0
    assert closed.loan.status is LoanStatus.CLOSED
    interest = closed.loan.paid[Part.INTEREST]
    balances = [await get_balance(account(CITY)) for account in (loans_of, lender_funds)]
    assert [one.balance_fen for one in balances] == [0, -interest]
    assert (await get_balance(loan_income(CITY))).balance_fen == interest
    assert (await verify()).sound


async def test_a_contract_is_signed_twice_and_verifiable(app: App, owner: Owner) -> None:
    loan = await lend(app, owner)
    _, pdf = await owner_side.read_contract(owner.call, loan.application_id)
    signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
    assert [one.field_name for one in signatures] == ["Borrower", "Lender"]
    assert app.keys.document_certificates is not None
    roots = list(load_certs_from_pemder_data(app.keys.document_certificates))
    for signature in signatures:
        status = await async_validate_pdf_signature(signature, ValidationContext(trust_roots=roots))
        assert status.bottom_line, signature.field_name
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    for words in ("测试有限公司", USCC, "综合融资成本清单", "综合年化成本", "第 12 期"):
        assert words in text


async def test_twenty_confirmations_are_one_loan(app: App, owner: Owner) -> None:
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    with pytest.raises(IllegalTransition):
        await disburse(app, row)
    await decide(app, row, approval(app))
    await owner.accept(row.id)
    await owner.sign(row.id)
    for wrong in ({"amount_fen": 29_999_999}, {"on": civil_date(app.clock.now()) + timedelta(1)}):
        with pytest.raises(InvalidInput):
            await disburse(app, row, **wrong)
    ends = await asyncio.gather(*(disburse(app, row) for _ in range(20)), return_exceptions=True)
    refused = [one for one in ends if isinstance(one, Conflict)]
    assert len(refused) == 19 and {one.code for one in refused} == {"LOAN_ALREADY_DISBURSED"}
    loans = await fetch_all(connection(), "SELECT id FROM lending_loan")
    journals = await fetch_all(connection(), "SELECT id FROM payments_journal")
    assert (len(loans), len(journals)) == (1, 1)


async def test_what_is_told_late_or_taken_back_moves_the_ledger_by_the_difference(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    loan = await lend(app, owner)
    first_on = (await api.get_loan(app, CITY, loan.id)).loan.rows[0].due_on
    clock.move(timedelta(days=60))
    today = civil_date(clock.now())
    late = await _repay(app, CITY, loan.id, ref="a", on=today, amount_fen=3_000_000)
    assert late.loan.paid[Part.PENALTY] > 0
    early = await _repay(app, CITY, loan.id, ref="b", on=first_on, amount_fen=2_557_000)
    again = await _repay(app, CITY, loan.id, ref="b", on=first_on, amount_fen=2_557_000)
    assert early.loan == again.loan
    assert early.loan.paid[Part.PENALTY] < late.loan.paid[Part.PENALTY]
    with pytest.raises(Conflict, match="LOAN_REF_REUSED"):
        await _repay(app, CITY, loan.id, ref="b", on=first_on, amount_fen=1)
    async with transaction() as tx:
        undone = await api.undo_repayment(app, tx, CITY, loan.id, ref="b", reason="bounced")
    assert undone.loan == late.loan
    income = sum(fen for part, fen in undone.loan.paid.items() if part is not Part.PRINCIPAL)
    assert (await get_balance(loan_income(CITY))).balance_fen == income
    lent = undone.loan.disbursed_fen - undone.loan.paid[Part.PRINCIPAL] - undone.loan.ahead_fen
    assert (await get_balance(loans_of(CITY))).balance_fen == lent


async def test_wrong_days_and_amounts_are_refused(app: App, owner: Owner) -> None:
    loan = await lend(app, owner)
    today = civil_date(app.clock.now())
    for wrong in (
        {"on": today, "amount_fen": 0},
        {"on": today, "amount_fen": -5},
        {"on": today + timedelta(days=1), "amount_fen": 5},
        {"on": today - timedelta(days=1), "amount_fen": 5},
    ):
        with pytest.raises(InvalidInput):
            await _repay(app, CITY, loan.id, ref=REF, **wrong)
    with pytest.raises(NotFound):
        await _repay(app, RURAL, loan.id, ref=REF, on=today, amount_fen=5)
    with pytest.raises(NotFound):
        await _repay(app, CITY, new_id(), ref=REF, on=today, amount_fen=5)
    assert len(await store.list_loan_events(loan.id)) == 1


async def test_a_bank_sees_and_decides_nothing_of_another(app: App, owner: Owner) -> None:
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    with pytest.raises(NotFound):
        await api.get_application(app, RURAL, row.id)
    async with transaction() as tx:
        with pytest.raises(NotFound):
            await api.decide(app, tx, RURAL, row.id, approval(app))
    assert await api.list_applications(app, RURAL, first=10) == []
    assert [one.id for one in await api.list_applications(app, CITY, first=10)] == [row.id]
    for wrong in (
        approval(app, amount_fen=30_000_001),
        approval(app, amount_fen=0),
        approval(app, amount_fen=-1),
        approval(app, margin_bps=401),
        approval(app, months=400),
        approval(app, valid_until=date(2026, 11, 22)),
        Refusal("BECAUSE"),
    ):
        with pytest.raises(InvalidInput):
            await decide(app, row, wrong)
    assert (await owner.answers(case))[CITY].sequence == 1


async def test_a_withdrawn_consent_stops_pulls_views_and_decisions(
    app: App, owner: Owner, city: FakeCity
) -> None:
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    view = await api.get_application(app, CITY, row.id)
    statuses = {one.source: one.status for one in view.facts}
    assert statuses == {"registry": "answered", "tax": "answered", "invoices": "answered"}
    assert {bank for _, bank, _ in city.asked} == {CITY}
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, ["tax"], key())
    view = await api.get_application(app, CITY, row.id)
    assert {one.source for one in view.facts} == {"registry", "invoices"}
    rest = ["registry", "invoices"]
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, rest, key())
    with pytest.raises(Conflict, match="LOAN_CONSENT_WITHDRAWN"):
        await decide(app, row, approval(app))
    assert (await owner.answers(case))[CITY].state == "RECEIVED"
    asked = len(city.asked)
    case = await owner.apply(second_product="")
    assert case.state == "draft" and len(city.asked) == asked


async def test_silence_of_a_source_is_told_as_such(app: App, owner: Owner, city: FakeCity) -> None:
    city.down.add("tax")
    await owner.consent(CITY, ["registry", "tax", "court"])
    case = await owner.apply(second_product="")
    view = await api.get_application(app, CITY, (await owner.answers(case))[CITY].id)
    assert {one.source: one.status for one in view.facts} == {
        "registry": "answered",
        "tax": "down",
        "court": "none",
    }


async def test_only_the_representative_takes_a_company_on(
    app: App, owner: Owner, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> None:
    other = call(user_id=(await citizen(name="李四")).user_id, level=2)
    with pytest.raises(Forbidden, match="LOAN_NOT_REPRESENTATIVE"):
        await companies.link_company(other, USCC, key())
    with pytest.raises(NotFound):
        await companies.link_company(owner.call, OTHER_USCC, key())
    for wrong in ("", "91370000163047727", "913700001630477271", "9137000016304772I0", "x" * 18):
        with pytest.raises(InvalidInput, match="LOAN_USCC_INVALID"):
            await companies.link_company(owner.call, wrong, key())
    with pytest.raises(NotFound):
        await companies.give_consents(other, owner.company_id, CITY, ["tax"], key())
    with pytest.raises(InvalidInput):
        await companies.give_consents(owner.call, owner.company_id, CITY, ["weather"], key())
    assert len(await store.list_members(owner.company_id)) == 1
    with pytest.raises(AppError):
        await owner_side.list_answers(other, new_id())


async def test_the_register_is_no_oracle_and_a_typed_pair_takes_no_company(
    app: App, owner: Owner, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> None:
    """Many have the representative's name, and many more know their name and number."""
    namesake = (await citizen()).user_id
    typed = call(user_id=namesake, level=2, assurance=Assurance.TYPED)
    with pytest.raises(LoginRequired, match="PROOF_REQUIRED"):
        await companies.link_company(typed, USCC, key())
    other = call(user_id=(await citizen(name="李四")).user_id, level=2)
    for _ in range(companies.LOOKUPS_PER_DAY):
        with pytest.raises(NotFound):
            await companies.link_company(other, OTHER_USCC, key())
    for _ in range(2 * companies.LOOKUPS_PER_DAY):  # the same request, sent again, asks nothing
        await companies.link_company(owner.call, USCC, "one-key-000")
    with pytest.raises(RateLimited, match="LOAN_TOO_MANY_LOOKUPS"):
        await companies.link_company(other, USCC, key())
    assert len(await store.list_members(owner.company_id)) == 1


@pytest.mark.parametrize(("form", "months"), [("EQUAL_INSTALMENT", 12), ("BULLET", 2)])
async def test_what_is_offered_and_signed_is_what_is_billed(
    app: App, owner: Owner, form: str, months: int
) -> None:
    """Interest runs on over holidays: on the sheet, in the contract and in the loan."""
    await owner.consent(RURAL)
    case = await owner.apply(
        product="rural-bank-tax", second_product="", form=form, months=str(months)
    )
    row = (await owner.answers(case))[RURAL]
    offer = approval(app, form=RepaymentForm(form), months=months)
    told = bank_side.offer_of(await decide(app, row, offer))
    assert told is not None
    await owner.accept(row.id)
    await owner.sign(row.id)
    loan = (await api.get_loan(app, RURAL, (await disburse(app, row)).id)).loan
    assert any(one.due_on != one.nominal_on for one in loan.rows)
    assert (told.first_fen, told.last_fen, told.costs.total_fen) == (
        loan.rows[0].due_fen, loan.rows[-1].due_fen,
        sum(one.interest_fen for one in loan.rows),
    )  # fmt: skip


async def test_two_who_take_a_company_on_at_once_both_speak_for_it(
    owner: Owner, city: FakeCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A double click: the register's row is written once, and so is the right."""
    city.companies[OTHER_USCC] = NAME
    all_asked, get_person = asyncio.Barrier(5), companies.get_person

    async def get_together(app: App, person_id: UUID) -> Person:
        await all_asked.wait()
        return await get_person(app, person_id)

    monkeypatch.setattr(companies, "get_person", get_together)
    links = [companies.link_company(owner.call, OTHER_USCC, key()) for _ in range(5)]
    found = await asyncio.gather(*links)
    assert len({one.member.id for one in found}) == 1


async def test_consents_that_are_given_twice_at_once_are_given(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_asked, sources_of = asyncio.Barrier(4), companies._sources_of

    async def ask_together(bank: str) -> set[str]:
        await all_asked.wait()
        return await sources_of(bank)

    monkeypatch.setattr(companies, "_sources_of", ask_together)
    await asyncio.gather(*(owner.consent(CITY, ["tax", "registry"]) for _ in range(4)))
    live = await store.list_live_consents(owner.company_id)
    assert [one.source for one in live] == ["registry", "tax"]


async def test_who_represents_a_company_no_more_speaks_for_it_no_more(
    app: App, owner: Owner, city: FakeCity,
    citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call],
) -> None:  # fmt: skip
    """The register names another, who takes the company on."""
    city.companies[USCC] = "李四"
    other = call(user_id=(await citizen(name="李四")).user_id, level=2)
    for _ in range(2):
        found = await companies.link_company(other, USCC, key())
    assert [one.id for one in await store.list_members(owner.company_id)] == [found.member.id]
    with pytest.raises(NotFound):
        await companies.give_consents(owner.call, owner.company_id, CITY, ["tax"], key())
