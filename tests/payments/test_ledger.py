"""The ledger on a real database: what it refuses, what it sums, what it survives."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.context.app import App
from core.database import IntegrityError, parse_url, transaction, violated
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from payments.ledger import store
from payments.ledger.accounts import (
    CHART,
    SHARDS,
    Account,
    Side,
    payee_payable,
    payer_funds,
    psp_receivable,
)
from payments.ledger.postings import Leg, Posting, transfer

PSP = psp_receivable("wechatpay")
WATER = payee_payable("water")


@pytest.fixture
async def sql(app: App, database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the tables' owner, past all our code and the application's privileges."""
    connection = await asyncpg.connect(**parse_url(database.owner))
    yield connection
    await connection.close()


async def _post(app: App, debit: Account, credit: Account, amount_fen: int) -> None:
    async with transaction() as tx:
        legs = transfer(debit=debit, credit=credit, amount_fen=amount_fen)
        await store.post(tx, Posting("test", f"test:{new_id()}", legs), app.clock.now())


async def _journal(sql: asyncpg.Connection, entry_count: int) -> object:
    journal_id = new_id()
    await sql.execute(
        """INSERT INTO payments_journal
             (id, kind, key, posted_at, entry_count, chain, seq, hash)
           VALUES ($1, 'raw', $2, now(), $3, 99, 1, '')""",
        journal_id,
        f"raw:{journal_id}",
        entry_count,
    )
    return journal_id


async def _entries(sql: asyncpg.Connection, journal: object, code: str, *amounts: int) -> None:
    """Write entries of one account in one statement: above zero debits, below it credits."""
    await sql.execute(
        """INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
           SELECT $1, n, a.id, CASE WHEN amount > 0 THEN 'D' ELSE 'C' END, abs(amount)
             FROM unnest($3::bigint[]) WITH ORDINALITY AS leg (amount, n), payments_account a
            WHERE a.code = $2""",
        journal,
        code,
        list(amounts),
    )


async def test_posts_and_reads_balances(app: App) -> None:
    payer = payer_funds(new_id())
    await _post(app, PSP, payer, 5230)
    await _post(app, payer, WATER, 5000)
    assert (await store.get_balance(PSP)).balance_fen == 5230
    assert (await store.get_balance(payer)).balance_fen == 230
    assert (await store.get_balance(WATER)).balance_fen == 5000
    listed = await store.trial_balance()
    assert [b.code for b in listed] == ["payee:water", "payer:*", "psp:wechatpay"]
    assert sum(b.debit_fen for b in listed) == sum(b.credit_fen for b in listed) == 10230


async def test_the_database_s_chart_decides_what_an_account_is(
    app: App, sql: asyncpg.Connection
) -> None:
    rows = await sql.fetch("SELECT kind, normal, guarded, shards FROM payments_chart")
    assert {tuple(row) for row in rows} == {
        (name, kind.normal, kind.guarded, kind.shards) for name, kind in CHART.items()
    }
    await sql.execute(
        """INSERT INTO payments_account (code, normal, guarded, shards)
           VALUES ('payer:victim', 'D', false, 64)"""
    )
    victim = Account("payer:victim")
    with pytest.raises(IntegrityError) as refused:
        await _post(app, victim, WATER, 1)
    assert violated(refused.value) == "payments_balance_guard"
    assert (await store.get_balance(victim)).balance_fen == 0


def test_an_unbalanced_posting_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        Posting("test", "k", [Leg(PSP, Side.DEBIT, 2), Leg(WATER, Side.CREDIT, 1)])
    with pytest.raises(ValueError, match="above zero"):
        Posting("test", "k", transfer(debit=PSP, credit=WATER, amount_fen=0))


async def test_a_key_posts_once(app: App) -> None:
    legs = transfer(debit=PSP, credit=WATER, amount_fen=100)
    async with transaction() as tx:
        await store.post(tx, Posting("test", "test:once", legs), app.clock.now())
    with pytest.raises(IntegrityError):
        async with transaction() as tx:
            await store.post(tx, Posting("test", "test:once", legs), app.clock.now())
    assert (await store.get_balance(WATER)).balance_fen == 100


@pytest.mark.parametrize(
    "amounts", [(100, -99), (100, 100), (100,), (100, -100, 5), (100, -100, 5, -5)]
)
async def test_an_unbalanced_journal_is_refused_at_its_entries(
    app: App, sql: asyncpg.Connection, amounts: tuple[int, ...]
) -> None:
    await _post(app, PSP, WATER, 1000)
    with pytest.raises(asyncpg.CheckViolationError, match="not balanced"):
        async with sql.transaction():
            await _entries(sql, await _journal(sql, 2), PSP.code, *amounts)
    assert await sql.fetchval("SELECT count(*) FROM payments_journal") == 1


async def test_a_journal_is_not_completed_twice(app: App, sql: asyncpg.Connection) -> None:
    await _post(app, PSP, WATER, 1000)
    with pytest.raises(asyncpg.UniqueViolationError):
        async with sql.transaction():
            await sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
            await sql.execute("SET CONSTRAINTS ALL DEFERRED")
            journal = await _journal(sql, 2)
            for _ in range(2):
                await _entries(sql, journal, PSP.code, 100, -100)
    assert await sql.fetchval("SELECT count(*) FROM payments_journal") == 1


async def test_commit_refuses_a_journal_without_entries(app: App, sql: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="no entries"):
        await _journal(sql, 2)
    assert await sql.fetchval("SELECT count(*) FROM payments_journal") == 0


async def test_nothing_is_added_to_a_posted_journal(app: App, sql: asyncpg.Connection) -> None:
    await _post(app, PSP, WATER, 1000)
    journal = await sql.fetchval("SELECT id FROM payments_journal")
    for add in (
        """INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
           SELECT journal_id, position + 2, account_id, side, amount_fen FROM payments_entry""",
        """INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
           SELECT journal_id, 3, account_id, 'D', 7 FROM payments_entry LIMIT 1""",
    ):
        with pytest.raises((asyncpg.RestrictViolationError, asyncpg.CheckViolationError)):
            await sql.execute(add)
    with pytest.raises(asyncpg.UniqueViolationError):
        await _entries(sql, journal, PSP.code, 7, -7)
    assert (await store.get_balance(WATER)).balance_fen == 1000


async def test_an_entry_needs_its_journal_and_account(app: App, sql: asyncpg.Connection) -> None:
    await _post(app, PSP, WATER, 1000)
    insert = """INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
                VALUES ($1, 1, $2, 'D', 5), ($1, 2, $2, 'C', 5)"""
    with pytest.raises(asyncpg.RestrictViolationError):
        await sql.execute(insert, new_id(), 1)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with sql.transaction():
            await sql.execute(insert, await _journal(sql, 2), 999)
    assert await sql.fetchval("SELECT count(*) FROM payments_entry") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_entry SET amount_fen = 1",
        "DELETE FROM payments_entry",
        "TRUNCATE payments_entry",
        "UPDATE payments_journal SET key = 'x'",
        "DELETE FROM payments_journal",
        "UPDATE payments_account SET guarded = false",
        "INSERT INTO payments_account (code) VALUES ('mine:x')",
        "UPDATE payments_balance SET debit_fen = 0",
        "DELETE FROM payments_balance",
        "INSERT INTO payments_balance VALUES (999, 1, '', 1, 0, 0)",
    ],
)
async def test_not_even_their_owner_rewrites_the_books(
    app: App, sql: asyncpg.Connection, statement: str
) -> None:
    await _post(app, PSP, WATER, 1000)
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.CheckViolationError)):
        await sql.execute(statement)
    assert (await store.get_balance(WATER)).balance_fen == 1000


async def test_a_guarded_account_stays_above_zero(app: App, sql: asyncpg.Connection) -> None:
    payer = payer_funds(new_id())
    await _post(app, PSP, payer, 100)
    with pytest.raises(IntegrityError) as refused:
        await _post(app, payer, WATER, 101)
    assert violated(refused.value) == "payments_balance_guard"
    with pytest.raises(asyncpg.CheckViolationError):
        async with sql.transaction():
            journal = await _journal(sql, 2)
            await sql.execute(
                """INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
                   SELECT $1, CASE code WHEN $2 THEN 1 ELSE 2 END, id,
                          CASE code WHEN $2 THEN 'D' ELSE 'C' END, 101
                     FROM payments_account WHERE code IN ($2, $3)""",
                journal,
                payer.code,
                PSP.code,
            )
    assert (await store.get_balance(payer)).balance_fen == 100


async def test_a_sharded_account_gives_what_all_its_shards_have(
    app: App, sql: asyncpg.Connection
) -> None:
    # ten connections at once leave the biller's money in several shards
    await asyncio.gather(*(_post(app, PSP, WATER, 10) for _ in range(200)))
    shards = await sql.fetchval(
        """SELECT count(*) FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code = $1""",
        WATER.code,
    )
    assert 1 < shards <= SHARDS
    with pytest.raises(IntegrityError) as refused:
        await _post(app, WATER, PSP, 2001)
    assert violated(refused.value) == "payments_balance_guard"
    await _post(app, WATER, PSP, 1995)
    assert (await store.get_balance(WATER)).balance_fen == 5
    await _post(app, WATER, PSP, 5)
    assert (await store.get_balance(WATER)).balance_fen == 0


async def test_concurrent_draws_never_overdraw(app: App) -> None:
    payer = payer_funds(new_id())
    await _post(app, PSP, payer, 1000)
    results = await asyncio.gather(
        *(_post(app, payer, WATER, 30) for _ in range(50)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 33
    assert all(violated(r) == "payments_balance_guard" for r in results if r is not None)
    assert (await store.get_balance(payer)).balance_fen == 10
    assert (await store.get_balance(WATER)).balance_fen == 990


async def test_balances_follow_from_entries(app: App, sql: asyncpg.Connection) -> None:
    payers = [payer_funds(new_id()) for _ in range(5)]
    await asyncio.gather(*(_post(app, PSP, payers[n % 5], 100 + n) for n in range(40)))
    await asyncio.gather(*(_post(app, payers[n % 5], WATER, 50 + n) for n in range(40)))
    differing = await sql.fetchval(
        """SELECT count(*) FROM (
             SELECT account_id, sum(debit_fen) AS d, sum(credit_fen) AS c FROM payments_balance
              GROUP BY 1) b
           FULL JOIN (
             SELECT account_id, coalesce(sum(amount_fen) FILTER (WHERE side = 'D'), 0) AS d,
                    coalesce(sum(amount_fen) FILTER (WHERE side = 'C'), 0) AS c
               FROM payments_entry GROUP BY 1) e USING (account_id)
           WHERE (b.d, b.c) IS DISTINCT FROM (e.d, e.c)"""
    )
    assert differing == 0
