"""Claims on payees: their age, the case of one that is not set off, and its write-off."""

import csv
import io
from datetime import date, timedelta
from uuid import UUID

import pytest

from core.clock import civil_date
from core.errors import Conflict
from payments.books import tables
from payments.ledger import store as ledger
from payments.ledger import verify
from payments.ledger.accounts import difference_with, payee_claim
from payments.models import Intent
from payments.reconciliation import claims, corrections, payouts
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case
from payments.reconciliation.sources import get_sources
from tests.payments.reconciliation.books import CHIEF, CLERK, PSP, Books, at, check_ledger

DAY = date(2026, 11, 20)


async def _paid_out(books: Books, amount_fen: int, on: date = DAY) -> UUID:
    """A payment of a day that is paid out to its payee."""
    paid = await books.paid(at(on, "12:00:00"), amount_fen)
    of_day = [i for i in await Intent.all() if i.paid_at and civil_date(i.paid_at) == on]
    for source in get_sources(books.app):
        mine = [i for i in of_day if source.name in (i.psp, i.payee)]
        bps = 60 if source.name == PSP else 0
        await books.told(on, [await books.line(i.id, fee_bps=bps) for i in mine], source.name)
    books.go_to(at(on + timedelta(days=1), "10:30:00"))
    await payouts.pay_out(books.app, "water", on)
    return paid


async def _owe(books: Books, amount_fen: int, on: date = DAY) -> None:
    """What was paid out is refunded the day after: the payee owes it."""
    paid = await _paid_out(books, amount_fen, on)
    asked = at(on + timedelta(days=1), "12:00:00")
    await books.refunded(paid, amount_fen, asked, asked)


async def _claim() -> int:
    return (await ledger.get_balance(payee_claim("water"))).balance_fen


async def _sound() -> None:
    await check_ledger()
    assert (await verify.verify()).faults == []


async def _later(books: Books, days: int) -> None:
    """So many days after the claim came to be, the watch looks."""
    books.go_to(at(DAY + timedelta(days=1 + days), "12:00:01"))
    await claims.watch(books.app)


async def test_a_claim_grows_old_and_what_comes_sets_off_the_oldest(books: Books) -> None:
    await _owe(books, 1000)
    await _owe(books, 400, DAY + timedelta(days=40))
    assert await _claim() == 1000  # 400 were withheld of the second payout, and are owed again

    async def aged(days: int) -> tuple[int, ...]:
        now = at(DAY + timedelta(days=1 + days), "12:00:01")
        (claim,) = await claims.list_claims(now)
        return claim.total_fen, *claim.older_fen

    assert await aged(41) == (1000, 600, 0, 0)
    assert await aged(61) == (1000, 600, 600, 0)
    assert await aged(91) == (1000, 1000, 600, 600)
    assert await aged(131) == (1000, 1000, 1000, 1000)
    rows = list(csv.reader(io.StringIO(tables.to_csv(tables.claims(
        await claims.list_claims(at(DAY + timedelta(days=92), "13:00:00"))
    )).decode("utf-8-sig"))))  # fmt: skip
    assert rows[1] == ["water", "10.00", "10.00", "6.00", "6.00"]
    await _sound()


async def test_what_is_overdue_is_one_case_and_clears_once_it_is_paid(books: Books) -> None:
    await _owe(books, 1000)
    await _later(books, 89)
    assert await Case.all().count() == 0
    for days in (91, 92, 93):
        await _later(books, days)
    case = await Case.get()
    assert (case.kind, case.source, case.our_fen, case.blocking) == (
        *("claim_overdue", "water"),
        *(1000, False),
    )
    later = DAY + timedelta(days=95)
    await _paid_out(books, 700, later)
    await claims.watch(books.app)
    assert (await Case.get()).state == "open"
    await _paid_out(books, 700, later + timedelta(days=1))
    await claims.watch(books.app)
    assert ((await Case.get()).state, await _claim()) == ("cleared", 0)
    await _sound()


async def test_it_is_written_off_by_two_and_only_what_is_left_of_it(books: Books) -> None:
    await _owe(books, 1000)
    await _later(books, 91)
    case = await Case.get()
    assert corrections.possible(books.app, case) == {CorrectionKind.WRITE_OFF}
    made = await books.proposed(case.id, CorrectionKind.WRITE_OFF)
    with pytest.raises(Conflict) as refused:
        await corrections.approve(books.app, made.id, staff_id=CLERK)
    assert (refused.value.code, await _claim()) == ("SECOND_PERSON", 1000)
    await _paid_out(books, 300, DAY + timedelta(days=95))  # some of it comes after all
    for _ in range(2):
        await corrections.approve(books.app, made.id, staff_id=CHIEF)
    loss = await ledger.get_balance(difference_with("water"))
    assert (await _claim(), loss.balance_fen) == (0, 700)
    assert (await Case.get()).state == "resolved"
    await claims.watch(books.app)
    assert await Case.all().count() == 1
    await _sound()


async def test_nothing_is_written_off_of_a_claim_that_is_paid_meanwhile(books: Books) -> None:
    await _owe(books, 500)
    await _later(books, 91)
    case = await Case.get()
    made = await books.proposed(case.id, CorrectionKind.WRITE_OFF)
    await _paid_out(books, 800, DAY + timedelta(days=95))
    with pytest.raises(Conflict) as refused:
        await corrections.approve(books.app, made.id, staff_id=CHIEF)
    assert refused.value.code == "NOT_POSSIBLE"
    assert (await ledger.get_balance(difference_with("water"))).balance_fen == 0
    assert (await Case.get()).state == "open"
    await _sound()
