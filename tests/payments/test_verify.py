"""The verifier finds every kind of tampering, and nothing in sound books."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.context.app import App
from core.database import parse_url, transaction
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from payments.ledger import store
from payments.ledger.accounts import payee_payable, payer_funds, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.ledger.verify import read_anchor, verify

PSP, WATER = psp_receivable("wechatpay"), payee_payable("water")


@pytest.fixture
async def intruder(app: App, database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The superuser, every trigger and guard off: whoever holds the database."""
    connection = await asyncpg.connect(**parse_url(database.admin))
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("ALTER TABLE payments_balance DROP CONSTRAINT payments_balance_guard")
    yield connection
    await connection.close()


async def _post(app: App, n: int) -> None:
    payer = payer_funds(new_id())
    async with transaction() as tx:
        legs = transfer(debit=PSP, credit=payer, amount_fen=100 + n)
        await store.post(tx, Posting("test", f"test:in-{n}", legs, new_id()), app.clock.now())
    async with transaction() as tx:
        legs = transfer(debit=payer, credit=WATER, amount_fen=50 + n)
        await store.post(tx, Posting("test", f"test:out-{n}", legs), app.clock.now())


@pytest.fixture
async def books(app: App) -> None:
    """Sixty journal transactions over several chains."""
    await asyncio.gather(*(_post(app, n) for n in range(30)))


async def test_sound_books_are_sound(app: App, books: None) -> None:
    report = await verify(await read_anchor())
    assert (report.journals, report.faults) == (60, [])


async def test_empty_books_are_sound(app: App) -> None:
    assert (await verify()).sound


_FIRST = "(SELECT min(id) FROM payments_entry)"
_ITS_JOURNAL = "(SELECT journal_id FROM payments_entry ORDER BY id LIMIT 1)"
_GUARDED = "(SELECT min(id) FROM payments_balance WHERE guard = 'C')"

EDITS = {
    "amount": f"UPDATE payments_entry SET amount_fen = amount_fen + 1 WHERE id = {_FIRST}",
    "amounts": f"UPDATE payments_entry SET amount_fen = 1 WHERE journal_id = {_ITS_JOURNAL}",
    "sides": "UPDATE payments_entry SET side = CASE side WHEN 'D' THEN 'C' ELSE 'D' END "
    f"WHERE journal_id = {_ITS_JOURNAL}",
    "account": "UPDATE payments_entry SET account_id = (SELECT max(id) FROM payments_account) "
    f"WHERE id = {_FIRST}",
    "name": "UPDATE payments_account SET code = 'payee:gas' WHERE code = 'payee:water'",
    "time": "UPDATE payments_journal SET posted_at = posted_at - interval '1 microsecond' "
    "WHERE key = 'test:in-7'",
    "key": "UPDATE payments_journal SET key = 'test:in-7b' WHERE key = 'test:in-7'",
    "intent": "UPDATE payments_journal SET intent_id = NULL WHERE key = 'test:in-7'",
    "kind": "UPDATE payments_journal SET kind = 'other', key = 'other:in-7' "
    "WHERE key = 'test:in-7'",
    "entry gone": f"DELETE FROM payments_entry WHERE id = {_FIRST}",
    "entry added": "INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)"
    " SELECT journal_id, 3, account_id, side, 1 FROM payments_entry LIMIT 1",
    "balance": f"UPDATE payments_balance SET credit_fen = credit_fen + 1 WHERE id = {_GUARDED}",
    "hold": f"UPDATE payments_balance SET held_fen = 1 WHERE id = {_GUARDED}",
    "head": "UPDATE payments_chain SET seq = seq + 1 WHERE chain = 0",
}


@pytest.mark.parametrize("what", EDITS)
async def test_every_edit_is_found(
    app: App, books: None, intruder: asyncpg.Connection, what: str
) -> None:
    changed = await intruder.execute(EDITS[what])
    assert not changed.endswith(" 0")
    assert not (await verify()).sound


async def _longest_chain(intruder: asyncpg.Connection) -> int:
    chain = await intruder.fetchval(
        "SELECT chain FROM payments_journal GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    return int(chain)


async def _remove(intruder: asyncpg.Connection, chain: int, seq: int) -> None:
    """Take a journal transaction out together with what it did to the totals."""
    row = await intruder.fetchrow(
        "SELECT id FROM payments_journal WHERE chain = $1 AND seq = $2", chain, seq
    )
    for entry in await intruder.fetch("SELECT * FROM payments_entry WHERE journal_id = $1", row[0]):
        column = "debit_fen" if entry["side"] == "D" else "credit_fen"
        await intruder.execute(
            f"""UPDATE payments_balance SET {column} = {column} - $2 WHERE id = (
                  SELECT id FROM payments_balance WHERE account_id = $1 AND {column} >= $2 LIMIT 1)
             """,
            entry["account_id"],
            entry["amount_fen"],
        )
    await intruder.execute("DELETE FROM payments_entry WHERE journal_id = $1", row[0])
    await intruder.execute("DELETE FROM payments_journal WHERE id = $1", row[0])


async def test_a_removed_row_is_found(app: App, books: None, intruder: asyncpg.Connection) -> None:
    chain = await _longest_chain(intruder)
    await _remove(intruder, chain, 1)
    report = await verify()
    assert any(f"chain {chain}" in fault.place for fault in report.faults)


async def test_two_rows_that_changed_places_are_found(
    app: App, books: None, intruder: asyncpg.Connection
) -> None:
    chain = await _longest_chain(intruder)
    for before, after in ((1, -1), (2, 1), (-1, 2)):
        await intruder.execute(
            "UPDATE payments_journal SET seq = $3 WHERE chain = $1 AND seq = $2",
            chain, before, after,
        )  # fmt: skip
    assert not (await verify()).sound


async def test_a_chain_cut_at_its_end_is_found_by_the_anchor(
    app: App, books: None, intruder: asyncpg.Connection
) -> None:
    anchor = await read_anchor()
    chain = await _longest_chain(intruder)
    last = await intruder.fetchval("SELECT seq FROM payments_chain WHERE chain = $1", chain)
    await _remove(intruder, chain, last)
    await intruder.execute(
        """UPDATE payments_chain c SET seq = j.seq, hash = j.hash FROM payments_journal j
            WHERE c.chain = $1 AND j.chain = $1 AND j.seq = $2 - 1""",
        chain, last,
    )  # fmt: skip
    assert (await verify()).sound
    report = await verify(anchor)
    assert [fault.what for fault in report.faults] == [f"row {last} of the anchor is gone"]


async def test_verifying_does_not_stop_the_writers(app: App, books: None) -> None:
    async def write() -> None:
        for n in range(1000, 1020):
            await _post(app, n)

    reports = [verify() for _ in range(3)]
    *done, _ = await asyncio.gather(*reports, write())
    assert all(report.sound for report in done)
    assert (await verify()).journals == 100


async def test_random_damage_is_always_found(
    app: App, books: None, intruder: asyncpg.Connection
) -> None:
    draw = random.Random(20261123)
    entries = await intruder.fetch("SELECT id, amount_fen FROM payments_entry ORDER BY id")
    for entry in draw.sample(entries, 15):
        change = "UPDATE payments_entry SET amount_fen = $2 WHERE id = $1"
        await intruder.execute(change, entry["id"], draw.randint(10_000, 99_999))
        assert not (await verify()).sound
        await intruder.execute(change, entry["id"], entry["amount_fen"])
    assert (await verify()).sound
