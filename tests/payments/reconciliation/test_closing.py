"""Closed days: what they refuse, what is carried forward, and the books over some days."""

import asyncio
import csv
import io
import itertools
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from core.database import connection, fetch_all, parse_url, transaction, violated
from core.errors import Conflict
from core.processes.embedded import DatabaseUrls
from payments.bank import entries
from payments.books import closing as books_closing
from payments.books import tables
from payments.finance import finance_of
from payments.ledger import closing, verify
from payments.ledger import store as ledger
from payments.ledger.accounts import fees_from, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.reconciliation import costs
from tests.payments import bank
from tests.payments.reconciliation.books import PSP, Books, at

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
PSPS = ("wechatpay", "alipay", "wechatpay_sp")


async def _compared(books: Books, on: date) -> None:
    for psp in PSPS:
        await books.told(on, [], psp)
    await costs.post_fees(books.app, PSP, on)


async def _closed(books: Books, on: date) -> None:
    books.go_to(at(on + timedelta(days=1), "12:00:00"))
    await _compared(books, on)
    await books_closing.close_day(books.app, on, by="clerk")


def _posting(key: str) -> Posting:
    legs = transfer(debit=psp_receivable(PSP), credit=fees_from("water"), amount_fen=100)
    return Posting("test", key, legs)


async def test_nothing_is_posted_into_a_closed_day(books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    await _closed(books, DAY)
    for n, moment in enumerate(
        (at(DAY, "23:59:59"), at(DAY, "00:00:00"), at(DAY - timedelta(days=400), "12:00:00"))
    ):
        with pytest.raises(IntegrityError) as refused:
            async with transaction() as tx:
                await ledger.post(tx, _posting(f"test:{n}"), moment)
        assert violated(refused.value) == "payments_closing_lock"
    rows = await fetch_all(connection(), "SELECT key FROM payments_journal WHERE kind = 'test'")
    assert rows == []
    async with transaction() as tx:
        await ledger.post(tx, _posting("test:open"), at(NEXT, "00:00:00"))
    assert (await verify.verify()).faults == []


async def test_a_closing_waits_for_postings_under_way(books: Books) -> None:
    """What was posted before the lock is in the balances, what comes after it is refused."""
    await books.paid(at(DAY, "12:00:00"), 1000)
    books.go_to(at(NEXT, "12:00:00"))
    started = asyncio.Event()
    go_on = asyncio.Event()

    async def post() -> None:
        async with transaction() as tx:
            await ledger.post(tx, _posting("test:late"), at(DAY, "23:59:59"))
            started.set()
            await go_on.wait()

    posting = asyncio.create_task(post())
    await started.wait()
    locking = asyncio.create_task(closing.close(DAY, at=books.clock.now(), by="clerk"))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(posting, locking)
    rows = await closing.list_balances(DAY, DAY)
    assert {row.code: row.closing_fen for row in rows}["fees:water"] == 100
    assert (await verify.verify()).faults == []


async def test_a_day_is_closed_once_over_and_compared(books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    with pytest.raises(Conflict, match="DAY_NOT_OVER"):
        await books_closing.close_day(books.app, DAY, by="clerk")
    books.go_to(at(NEXT, "12:00:00"))
    with pytest.raises(Conflict, match="NOT_RECONCILED"):
        await books_closing.close_day(books.app, DAY, by="clerk")
    assert await closing.list_closings() == []
    await entries.take(books.app, bank.statement(DAY - timedelta(days=1), 0, []))
    await _compared(books, DAY)
    with pytest.raises(Conflict, match="NOT_RECONCILED"):  # the bank's statement is missing
        await books_closing.close_day(books.app, DAY, by="clerk")
    await entries.take(books.app, bank.statement(DAY, 0, []))
    await books_closing.close_day(books.app, DAY, by="clerk")
    for earlier in (DAY, DAY - timedelta(days=1)):
        with pytest.raises(Conflict, match="DAY_CLOSED"):
            await books_closing.close_day(books.app, earlier, by="clerk")


async def test_a_closing_that_is_sent_again_is_answered_as_it_was(books: Books, call: Any) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    books.go_to(at(NEXT, "12:00:00"))
    clerk = call(level=1)
    with pytest.raises(Conflict, match="NOT_RECONCILED"):
        await books_closing.close_day_by_key(clerk, DAY, "close-01")
    await _compared(books, DAY)
    first = await books_closing.close_day_by_key(clerk, DAY, "close-01")
    again = await books_closing.close_day_by_key(clerk, DAY, "close-01")
    assert (again.closed_on, again.closed_at) == (first.closed_on, first.closed_at)
    with pytest.raises(Conflict, match="DAY_CLOSED"):
        await books_closing.close_day_by_key(clerk, DAY, "close-02")
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await books_closing.close_day_by_key(clerk, NEXT, "close-01")


async def test_the_job_closes_what_can_be_closed_in_order(books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    for on in (DAY, NEXT):
        await _compared(books, on)
    books.go_to(at(NEXT + timedelta(days=2), "12:00:00"))
    await books_closing.close_days(books.app)
    assert [row.closed_on for row in await closing.list_closings()] == [NEXT, DAY]


@pytest.mark.parametrize("on", [DAY, NEXT])
async def test_a_closing_that_was_cut_short_is_carried_by_the_next(books: Books, on: date) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    books.go_to(at(NEXT, "12:00:00"))
    async with transaction() as tx:
        await tx.execute_query(
            "SELECT payments_close_day($1::date, $2::timestamptz, 'x')", [DAY, books.clock.now()]
        )
    assert (await verify.verify()).faults == []
    for day in (DAY, NEXT):
        await _compared(books, day)
    books.go_to(at(NEXT + timedelta(days=1), "12:00:00"))
    await books_closing.close_day(books.app, on, by="clerk")
    rows = await closing.list_closings()
    assert rows and all(row.carried_at is not None for row in rows)
    assert (await verify.verify()).faults == []


async def test_balances_are_the_same_carried_or_summed(books: Books) -> None:
    """Opening, movements, closing of each day, before and after closings; days follow on."""
    days = [DAY + timedelta(days=n) for n in range(4)]
    for n, on in enumerate(days):
        paid = await books.paid(at(on, "12:00:00"), 1000 + n, payee="water" if n % 2 else "gas")
        await books.refunded(paid, 10 + n, at(on, "13:00:00"), at(on, "13:01:00"))
    summed = [await closing.list_balances(on, on) for on in days]
    whole = await closing.list_balances(days[0], days[-1])
    for on in days[:3]:
        await _closed(books, on)
    assert [await closing.list_balances(on, on) for on in days] == summed
    assert await closing.list_balances(days[0], days[-1]) == whole
    for before, after in itertools.pairwise(summed):
        held = {row.code: row.closing_fen for row in before}
        assert all(row.opening_fen == held.get(row.code, 0) for row in after)
    for rows in summed:
        assert sum(r.debit_fen for r in rows) == sum(r.credit_fen for r in rows)
    assert (await verify.verify()).faults == []


async def test_an_account_s_statement_by_dates(books: Books) -> None:
    for n, on in enumerate((DAY, NEXT)):
        await books.paid(at(on, "23:59:59"), 1000 + n)
    account = psp_receivable(PSP).code
    told = await closing.read_statement(account, NEXT, NEXT, limit=100)
    assert (told.opening_fen, len(told.lines), told.closing_fen) == (1000, 1, 2001)
    payee = await closing.read_statement("payee:water", DAY, NEXT, limit=100)
    assert (payee.opening_fen, len(payee.lines), payee.closing_fen) == (0, 2, 2001)
    nobody = await closing.read_statement("payee:nobody", DAY, NEXT, limit=100)
    assert (nobody.opening_fen, nobody.lines, nobody.closing_fen) == (0, [], 0)


async def test_tables_are_written_as_csv_and_excel(books: Books, tmp_path: Path) -> None:
    await books.paid(at(DAY, "12:00:00"), 123_456)
    rows = await closing.list_balances(DAY, DAY)
    table = tables.balances(finance_of(books.app), rows)
    tables.write(table, tmp_path / "a.csv")
    written = (tmp_path / "a.csv").read_bytes().decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(written)))
    assert {line["账户"]: line["期末余额"] for line in lines}["psp:wechatpay"] == "1234.56"
    assert {line["账户"]: line["科目编码"] for line in lines}["psp:wechatpay"] == "1021"
    assert (lines[-1]["本期借方"], lines[-1]["本期贷方"]) == ("2469.12", "2469.12")
    tables.write(table, tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<v>1234.56</v>" in sheet and "<f>" not in sheet
    with pytest.raises(ValueError, match=r"\.csv or \.xlsx"):
        tables.write(table, tmp_path / "a.pdf")


def test_no_text_is_taken_for_a_formula() -> None:
    table = tables.Table("t", ("a",), [("=1+1",), ("@x",), ("-5",), (-500,)])
    told = tables.to_csv(table).decode("utf-8-sig").splitlines()
    assert told == ["a", "'=1+1", "'@x", "'-5", "-5.00"]


async def test_the_application_s_role_closes_by_the_function_alone(
    books: Books, database: DatabaseUrls
) -> None:
    await books.paid(at(DAY, "12:00:00"), 1000)
    sql = await asyncpg.connect(**parse_url(database.app))
    try:
        for statement in (
            "INSERT INTO payments_closing VALUES ('2026-11-20', now(), 'x', NULL)",
            "UPDATE payments_chain SET open_from = '1970-01-01'",
            "SELECT payments_close_day('2026-11-20', '2026-11-20 12:00+08', 'x')",
            "INSERT INTO payments_closing_balance VALUES (1, '2026-11-20', 'psp:x', 1, 1)",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await sql.execute(statement)
    finally:
        await sql.close()
    assert await closing.list_closings() == []


async def test_the_first_day_that_can_be_closed_is_that_of_the_first_posting(
    books: Books, database: DatabaseUrls
) -> None:
    """Days before it have no statement and never will: every later closing would wait for one."""
    await books.ordered(at(DAY, "10:00:00"), 1000)
    books.go_to(at(NEXT, "12:00:00"))
    early = (DAY - timedelta(days=400), DAY - timedelta(days=1))
    sql = await asyncpg.connect(**parse_url(database.app))
    try:
        for days in ((*early, DAY), early):
            for day in days:
                with pytest.raises(asyncpg.CheckViolationError) as refused:
                    await sql.execute(
                        "SELECT payments_close_day($1, $2, 'mine')", day, books.clock.now()
                    )
                assert refused.value.constraint_name == "payments_closing_first"
                with pytest.raises(Conflict) as told:
                    await books_closing.close_day(books.app, day, by="clerk")
                assert told.value.code == "NOTHING_POSTED"
            assert await closing.last_closed() is None
            assert await fetch_all(
                connection(), "SELECT DISTINCT open_from FROM payments_chain"
            ) == [{"open_from": datetime(1970, 1, 1, tzinfo=UTC)}]
            if DAY in days:
                async with transaction() as tx:
                    await ledger.post(tx, _posting("test:first"), at(DAY, "00:00:00"))
    finally:
        await sql.close()
    await _closed(books, DAY)
    assert await closing.last_closed() == DAY
