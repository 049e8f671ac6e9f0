"""Loans in service over the API: the borrower's view, paying by PSP, mornings, the books."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.database import transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.security.authentication import Viewer
from credit.lending import api
from credit.lending.loans import jobs, payable, portfolio, service
from credit.lending.loans.events import Prepayment, WrittenOff
from credit.lending.loans.service import record
from credit.lending.products import service as products
from credit.lending.records.models import LoanRow
from credit.lending.terms.money_terms import Part
from notifications.messages.models import Message
from payments.api import Accepted, NotYet, Paid, Refused
from payments.ledger.accounts import lender_funds, loan_income, loan_loss, loans_of
from payments.ledger.store import get_balance
from payments.ledger.verify import verify
from tests.asgi import Client
from tests.credit.lending.town import CITY, Owner, lend


def _viewer(owner: Owner) -> Viewer:
    return owner.call.require_viewer()


async def _operate(
    client: Client, owner: Owner, name: str, variables: Mapping[str, Any] | None = None
) -> Any:
    answer = await client.operate(name, variables, viewer=_viewer(owner))
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]


def _paid(app: App, row: LoanRow, amount: int, prepays: Prepayment | None = None) -> Paid:
    subject = payable.subject_of(row, amount, prepays)
    return Paid(new_id(), row.person_id, payable.KIND, subject, amount, app.clock.now(), 0)


async def test_a_borrower_sees_and_pays_through_a_psp(
    app: App, client: Client, owner: Owner, clock: ManualClock
) -> None:
    row = await lend(app, owner)
    found = await api.get_loan(app, CITY, row.id)
    clock.move(timedelta(days=(found.loan.rows[0].due_on - civil_date(clock.now())).days))
    owner.call = await _again(owner, clock)
    (edge,) = (await _operate(client, owner, "Loans", {"first": 5}))["loans"]["edges"]
    loan = edge["node"]
    assert (loan["status"], loan["due"], len(loan["instalments"])) == (
        "ACTIVE", loan["bills"][0]["principal"] + loan["bills"][0]["interest"], 11)  # fmt: skip
    assert (
        loan["principal"] == 30_000_000 and loan["payoff"] >= 30_000_000 + loan["due"] - 2_600_000
    )
    row = (await api.get_loan(app, CITY, row.id)).row
    paid = _paid(app, row, loan["due"])
    for _ in range(2):  # a lost answer is asked for again
        assert await payable.fulfil(app, paid) == Accepted(paid.payment_ref)
    assert (await api.get_loan(app, CITY, row.id)).loan.billed_fen == 0
    assert isinstance(await payable.fulfil(app, _paid(app, row, 99_000_000)), Refused)
    payoff = (await _operate(client, owner, "LoanPayoff", {"loanId": str(row.id)}))["loanPayoff"]
    closing = _paid(app, row, payoff["amount"], Prepayment.SHORTEN)
    assert await payable.fulfil(app, closing) == Accepted(closing.payment_ref)
    (edge,) = (await _operate(client, owner, "Loans", {"first": 5}))["loans"]["edges"]
    assert (edge["node"]["status"], edge["node"]["payoff"]) == ("CLOSED", 0)
    token = client.token(_viewer(owner))
    pdf = await client.request("GET", f"/loans/{row.id}/certificate.pdf", headers=token)
    (page,) = PdfReader(BytesIO(pdf.body)).pages
    assert (pdf.status, "已结清" in page.extract_text()) == (200, True)
    other = await client.request("GET", f"/loans/{new_id()}/certificate.pdf", headers=token)
    assert other.status == 404


@pytest.mark.parametrize(("left_fen", "days"), [(0, 0), (0, 9), (1, 9)])
async def test_a_payment_of_all_that_is_owed_closes_without_saying_so(
    app: App, owner: Owner, clock: ManualClock, left_fen: int, days: int
) -> None:
    """On a due day nothing has accrued, on others it has. A fen less waits; it is not sent back."""
    row = await lend(app, owner)
    due_on = (await api.get_loan(app, CITY, row.id)).loan.rows[0].due_on
    _move_to(clock, due_on + timedelta(days=days))
    owed = (await api.get_loan(app, CITY, row.id)).loan.payoff_fen
    paid = _paid(app, row, owed - left_fen)
    assert await payable.fulfil(app, paid) == Accepted(paid.payment_ref)
    for later in (0, 1, 40):
        _move_to(clock, due_on + timedelta(days=days + later))
        await jobs.look_at_loans(app)
        found = await api.get_loan(app, CITY, row.id)
        assert (found.loan.status, found.row.status) == (
            ("ACTIVE", "ACTIVE") if left_fen else ("CLOSED", "CLOSED")
        )
    assert (await verify()).sound


async def test_what_waits_is_booked_as_what_it_was_for(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    """Each instalment is paid days ahead, and waits; at the end no more principal has come back
    than was lent, and the interest is the bank's."""
    row = await lend(app, owner)
    spent = 0
    while (loan := (await api.get_loan(app, CITY, row.id)).loan).status != "CLOSED":
        ahead = loan.rows[0]
        _move_to(clock, ahead.due_on - timedelta(days=5))
        loan = (await api.get_loan(app, CITY, row.id)).loan
        paid = _paid(app, row, min(ahead.due_fen, loan.payoff_fen))
        assert await payable.fulfil(app, paid) == Accepted(paid.payment_ref)
        spent += paid.amount_fen
        _move_to(clock, ahead.due_on)
    assert await _balances() == [0, -(spent - 30_000_000), spent - 30_000_000, 0]
    assert (await verify()).sound


async def test_what_is_repaid_of_a_lost_loan_makes_the_loss_smaller(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    row = await lend(app, owner)
    clock.move(timedelta(days=20))
    today = civil_date(clock.now())
    ahead = _paid(app, row, 1_000_000)
    assert isinstance(await payable.fulfil(app, ahead), Accepted)
    async with transaction() as tx:
        await record(app, tx, row.id, WrittenOff("w", today))
    assert await _balances() == [0, 29_000_000, 0, 29_000_000]
    part = _paid(app, row, 5_000_000, Prepayment.SHORTEN)
    assert await payable.fulfil(app, part) == Accepted(part.payment_ref)
    loan = (await api.get_loan(app, CITY, row.id)).loan
    income = loan.paid[Part.INTEREST]
    assert income > 0
    left = 24_000_000 + income
    assert await _balances() == [0, left - income, income, left]
    rest = _paid(app, row, loan.payoff_fen)
    assert await payable.fulfil(app, rest) == Accepted(rest.payment_ref)
    assert (await api.get_loan(app, CITY, row.id)).loan.status == "CLOSED"
    assert [await _balances(), (await verify()).sound] == [[0, -income, income, 0], True]


async def test_a_bank_takes_back_its_own_reports_alone(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    row = await lend(app, owner)
    clock.move(timedelta(days=20))
    today = civil_date(clock.now())
    paid = _paid(app, row, 2_000_000)
    assert isinstance(await payable.fulfil(app, paid), Accepted)

    async def repay(ref: str) -> api.LoanRecord:
        async with transaction() as tx:
            return await api.record_repayment(
                app, tx, CITY, row.id, ref=ref, on=today, amount_fen=1_000_000
            )

    async def take_back(ref: str) -> api.LoanRecord:
        async with transaction() as tx:
            return await api.undo_repayment(app, tx, CITY, row.id, ref=ref, reason="bounced")

    before = (await api.get_loan(app, CITY, row.id)).loan
    with pytest.raises(Conflict, match="LOAN_PAID_THROUGH_CITY"):
        await take_back(paid.payment_ref)
    assert (await api.get_loan(app, CITY, row.id)).loan == before
    await repay("undo:q")
    twice = (await repay("q")).loan
    once = (await take_back("q")).loan
    assert (twice.ahead_fen, once.ahead_fen, before.ahead_fen) == (4_000_000, 3_000_000, 2_000_000)
    with pytest.raises(Conflict, match="LOAN_REF_REUSED"):
        await repay("q")
    with pytest.raises(NotFound):
        await take_back("q")
    found = await api.get_loan(app, CITY, row.id)
    assert (found.loan, (await repay("undo:q")).loan) == (once, once)


async def test_machines_whose_clocks_differ_at_midnight_book_a_loan_once(
    app: App, owner: Owner, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits became interest on the due day, which had begun by the first machine's clock and
    not by the second's, whose row is the older by its id."""
    row = await lend(app, owner)
    due = (await api.get_loan(app, CITY, row.id)).loan.rows[0]
    assert isinstance(await payable.fulfil(app, _paid(app, row, due.due_fen)), Accepted)
    earlier_id = new_id()
    for day in (0, -1, 1):
        _move_to(clock, due.due_on + timedelta(days=day))
        charged = api.Charged(f"c{day}", civil_date(clock.now()), 100)
        with monkeypatch.context() as patch:
            if day < 0:
                patch.setattr(service, "new_id", lambda: earlier_id)
            async with transaction() as tx:
                await record(app, tx, row.id, charged)
    loan = (await api.get_loan(app, CITY, row.id)).loan
    income = loan.paid[Part.INTEREST] + loan.paid[Part.COSTS]
    left = loan.principal_fen
    assert await _balances() == [left, left - income, income, 0]


async def _balances() -> list[int]:
    """What is out, what the bank has not back, what it earned, what is lost."""
    accounts = (loans_of, lender_funds, loan_income, loan_loss)
    return [(await get_balance(account(CITY))).balance_fen for account in accounts]


def _move_to(clock: ManualClock, day: date) -> None:
    clock.move(timedelta(days=(day - civil_date(clock.now())).days))


async def test_a_bank_changes_rate_and_schedule_within_the_ceiling(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    row = await lend(app, owner)
    clock.move(timedelta(days=20))
    today = civil_date(clock.now())
    terms = (await api.get_loan(app, CITY, row.id)).loan.terms
    longer = replace(terms, instalments=18, first_due_on=today + timedelta(days=30))
    for event in (
        api.RateChanged("r", today, 240_001),
        api.Rescheduled("s", today, replace(longer, rate_ppm=300_000)),
    ):
        with pytest.raises(InvalidInput, match="LOAN_RATE_WRONG"):
            async with transaction() as tx:
                await api.record_event(app, tx, CITY, row.id, event)
    for good in (
        api.RateChanged("r", today, 35_000),
        api.Charged("c", today, 5_000),
        api.Rescheduled("s", today, longer),
    ):
        async with transaction() as tx:
            found = await api.record_event(app, tx, CITY, row.id, good)
    assert (len(found.loan.rows), found.loan.costs_fen, found.loan.terms) == (18, 5_000, longer)


async def _again(owner: Owner, clock: ManualClock) -> Any:
    """Days have passed: signed in anew."""
    viewer = replace(_viewer(owner), authenticated_at=clock.now())
    return replace(owner.call, viewer=viewer)


async def test_mornings_tell_what_is_due_and_overdue_once(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    row = await lend(app, owner)
    due_on = (await api.get_loan(app, CITY, row.id)).loan.rows[0].due_on

    async def titles() -> list[str]:
        found = await Message.filter(person_id=row.person_id)
        return sorted(one.template for one in found if one.template.startswith("loans."))

    for ahead, expected in ((5, []), (2, ["loans.due"]), (-1, ["loans.due", "loans.overdue"])):
        day = due_on - timedelta(days=ahead)
        _move_to(clock, day)
        for _ in range(2):
            await jobs.look_at_loans(app)
        assert await titles() == expected
    assert (await api.get_loan(app, CITY, row.id)).row.status == "OVERDUE"


async def test_what_is_still_open_of_an_instalment_is_looked_at_each_morning(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    """A yuan is missing on the due day, and collecting is charged on the fifth: told on days 1 and
    7 all the same, and the bank hears that the loan is overdue."""
    row = await lend(app, owner)
    rows = (await api.get_loan(app, CITY, row.id)).loan.rows
    _move_to(clock, rows[0].due_on)
    assert isinstance(await payable.fulfil(app, _paid(app, row, rows[0].due_fen - 100)), Accepted)
    told, standing = [], []
    for late in (1, 5, 7):
        _move_to(clock, rows[0].due_on + timedelta(days=late))
        if late == 5:
            async with transaction() as tx:
                charged = api.Charged("c", civil_date(clock.now()), 5_000)
                await api.record_event(app, tx, CITY, row.id, charged)
        await jobs.look_at_loans(app)
        found = (await api.get_loan(app, CITY, row.id)).row
        standing.append((found.status, found.look_on))
        told.append(await Message.filter(template="loans.overdue").count())
    assert (told, standing) == ([1, 1, 2], [("OVERDUE", rows[0].due_on)] * 3)


async def test_the_books_add_up(app: App, owner: Owner, clock: ManualClock) -> None:
    row = await lend(app, owner)
    clock.move(timedelta(days=45))
    today = civil_date(clock.now())
    (book,) = await portfolio.read_books(app, today)
    loan = (await api.get_loan(app, CITY, row.id)).loan
    assert (book.bank, book.loans, book.lent_fen, book.accrued_fen) == (
        CITY, 1, 30_000_000, loan.accrued_fen)  # fmt: skip
    assert [(age.from_days, age.loans) for age in book.ages if age.loans] == [(1, 1)]
    assert await portfolio.read_books(app, today, bank="rural-bank") == []
    async with transaction() as tx:
        await record(app, tx, row.id, WrittenOff("w", today))
    (book,) = await portfolio.read_books(app, today)
    assert book.lost_fen == 30_000_000 == book.principal_fen


async def test_a_new_version_needs_four_eyes_and_old_loans_keep_theirs(
    app: App, owner: Owner
) -> None:
    version, product = (await products.list_current())["city-bank-credit"]
    dearer = replace(product, margin_most_bps=500)
    with pytest.raises(InvalidInput, match="LOAN_COST_ABOVE_CEILING"):
        async with transaction() as tx:
            await api.propose_product(app, tx, CITY, replace(product, margin_most_bps=2_200), "a")
    with pytest.raises(NotFound):
        async with transaction() as tx:
            await api.propose_product(app, tx, "rural-bank", dearer, "a")
    async with transaction() as tx:
        row = await api.propose_product(app, tx, CITY, dearer, "a")
    assert (row.version, row.state) == (version + 1, "PROPOSED")
    with pytest.raises(Conflict, match="LOAN_FOUR_EYES"):
        async with transaction() as tx:
            await products.approve(app, tx, row.id, "a", publish=True)
    async with transaction() as tx:
        await products.approve(app, tx, row.id, "b", publish=True)
    assert (await products.list_current())["city-bank-credit"] == (row.version, dearer)
    assert await products.get_version("city-bank-credit", version) == product


async def test_a_payment_that_its_psp_dates_a_moment_ahead_is_booked(
    app: App, owner: Owner, clock: ManualClock
) -> None:
    """Two clocks at midnight: theirs has begun a day that ours has not. Nothing is sent back."""
    row = await lend(app, owner)
    tomorrow = clock.now() + timedelta(days=1)
    paid = replace(_paid(app, row, 1_000_000), paid_at=tomorrow)
    assert await payable.fulfil(app, paid) == NotYet()
    assert len((await api.get_loan(app, CITY, row.id)).events) == 1
    clock.move(timedelta(days=1))
    for _ in range(2):
        assert await payable.fulfil(app, paid) == Accepted(paid.payment_ref)
    found = await api.get_loan(app, CITY, row.id)
    assert [event.on for event in found.events[1:]] == [civil_date(tomorrow)]
