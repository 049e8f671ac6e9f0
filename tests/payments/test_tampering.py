"""The verifier finds every edit of the books: each column of each table, each row gone, generated.

The edits come from the database's own table definitions, so a column that is added later has to be
found too, or to be listed here as one on which no money hangs.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import parse_url
from core.processes.embedded import DatabaseUrls
from core.states import StateMachine
from payments.bank.domain import TRANSFER
from payments.domain import HOLD, INTENT, REFUND
from payments.ledger.verify import verify
from payments.sharing.domain import SHARE, SHARE_RETURN
from tests.payments import past
from tests.payments.reconciliation.books import Books

NOT_MONEY: dict[str, set[str]] = {
    "payments_chart": set(),
    "payments_account": set(),
    "payments_journal": set(),
    "payments_entry": {"id"},
    "payments_balance": set(),
    "payments_chain": set(),
    "payments_hold": set(),
    # when it is looked at next and how often it was, the way to the cashier, the words of a refusal
    "payments_intent": {
        *("order_tries", "cashier_url", "client_address", "refusal", "checks", "attempts"),
        *("due_at", "receipt_issued_at"),
    },
    "payments_left_order": {"checks", "due_at"},
    "payments_refund": {"attempts", "due_at"},
    "payments_share": {"reason", "attempts", "due_at"},
    "payments_share_return": {"reason", "attempts", "due_at"},
    "payments_payout": {"id"},
    "payments_counter": set(),
    "payments_closing": {"closed_at", "closed_by", "carried_at"},
    "payments_closing_balance": {"id"},
    # the words of a booking, and which days a settlement was taken for
    "payments_bank_entry": {"ref", "booked_on", "through_on", "text"},
    "payments_bank_statement": {"statement_ref", "booked_on", "taken_at"},
    "payments_transfer": {
        *("tries", "order_ref", "reason", "created_at", "ordered_at", "ended_at"),
    },
}
"""The tables of the books, and their columns that say nothing of money."""

UNSEALED = {
    *(("payments_refund", column) for column in ("key", "reason", "psp_ref", "share_fen")),
    *(("payments_share", column) for column in ("psp", "receiver", "psp_ref")),
}
"""Sealed once the refund or share is posted."""
ALIKE = {
    (table, "state"): "({} = 'succeeded')"
    for table in ("payments_refund", "payments_share", "payments_share_return")
}
"""What of a value tells of money: a refund that is not made is set aside, however it is called, and
a share that is not made is none."""
ROWS = {
    "payments_intent": "captured_fen > 0",
    "payments_counter": "name LIKE 'receipt:%'",
}
"""Which rows the books hang on: what nobody has paid is no money yet."""
MACHINES: dict[str, StateMachine] = {
    m.table: m for m in (INTENT, REFUND, HOLD, TRANSFER, SHARE, SHARE_RETURN)
}
PER_COLUMN = 3

_OTHER = {
    "int2": "{c} + 977",
    "int4": "{c} + 977",
    "int8": "coalesce({c}, 0) + 977",
    "bool": "NOT {c}",
    "uuid": "gen_random_uuid()",
    "timestamptz": "coalesce({c}, now()) + interval '1 second'",
    "date": "{c} + 1",
    "bytea": "sha256({c})",
    "jsonb": """CASE WHEN {c} IS NULL THEN '{{"a": 1}}' ELSE {c} || '{{"a": 1}}' END""",
    "bpchar": "CASE {c} WHEN 'D' THEN 'C' ELSE 'D' END",
    "varchar": """CASE {c} WHEN 'D' THEN 'C' WHEN 'C' THEN 'D'
                   ELSE left(coalesce({c}, ''), greatest(length({c}) - 1, 0)) || '7' END""",
}
"""Another value of a type."""


@pytest.fixture
async def intruder(
    app: App, clock: ManualClock, database: DatabaseUrls
) -> AsyncIterator[asyncpg.Connection]:
    """The superuser in a ledger with one of everything, every trigger and check off."""
    await past.live(Books(app, clock))
    connection = await asyncpg.connect(**parse_url(database.admin))
    await connection.execute("SET session_replication_role = replica")
    for row in await connection.fetch(
        """SELECT conrelid::regclass::text AS table, conname FROM pg_constraint
            WHERE contype = 'c' AND conrelid::regclass::text LIKE 'payments_%'"""
    ):
        await connection.execute(f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['conname']}")
    yield connection
    await connection.close()


async def _columns(intruder: asyncpg.Connection, table: str) -> list[tuple[str, str]]:
    rows = await intruder.fetch(
        """SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped""",
        table,
    )
    return [(row["attname"], row["typname"]) for row in rows]


async def _rows(intruder: asyncpg.Connection, table: str, column: str = "") -> list[str]:
    """The places of the rows that can be edited."""
    where = ROWS.get(table, "true")
    if (table, column) in UNSEALED:
        where = "state = 'succeeded'"
    rows = await intruder.fetch(f"SELECT ctid::text FROM {table} WHERE {where} ORDER BY ctid")
    return [row["ctid"] for row in rows]


def _values(table: str, column: str, kind: str) -> list[str]:
    if column == "state" and table in MACHINES:
        # a payee's lost reply moves no money
        return [f"'{s}'" for s in sorted(MACHINES[table].states) if s != "fulfilment_unknown"]
    if column == "kind" and table == "payments_bank_entry":
        return ["'charge'", "'unexplained'"]
    if column == "kind" and table == "payments_journal":
        return ["'settle'", "'other'"]
    return [_OTHER[kind].format(c=f'"{column}"')]


async def test_the_past_is_sound(intruder: asyncpg.Connection) -> None:
    assert (await verify()).faults == []


@pytest.mark.parametrize("table", NOT_MONEY)
async def test_every_edit_of_a_column_is_found(intruder: asyncpg.Connection, table: str) -> None:
    assert NOT_MONEY[table] <= {name for name, _ in await _columns(intruder, table)}
    missed, done = [], 0
    async for edit in _edits(intruder, table):
        done += 1
        if (await verify()).sound:
            missed.append(edit)
    assert done and missed == []


@pytest.mark.parametrize(
    "table", ["payments_intent", "payments_journal", "payments_entry", "payments_account"]
)
async def test_a_plain_payment_is_judged_as_any_other(
    intruder: asyncpg.Connection, table: str
) -> None:
    """The database asks less of a payment with one order and nothing given back, and says of it
    what it says of it among all: right and wrong, edit by edit."""
    verdicts: set[bool] = set()
    async for edit in _edits(intruder, table, per_column=1_000):
        for row in await intruder.fetch(
            """SELECT i.state, payments_plain_agrees(i) AS plain, payments_agrees(i) AS whole
                 FROM payments_intent i
                WHERE NOT EXISTS (SELECT FROM payments_refund r WHERE r.intent_id = i.id)
                  AND NOT EXISTS (SELECT FROM payments_left_order l WHERE l.intent_id = i.id)"""
        ):
            assert row["plain"] is row["whole"], (edit, row)
            verdicts.add(row["plain"])
    assert verdicts == {True, False}


async def _edits(
    intruder: asyncpg.Connection, table: str, per_column: int = PER_COLUMN
) -> AsyncIterator[str]:
    """Every kind of edit of a table's columns in some of its rows: each as it stands, taken back
    before the next."""
    draw = random.Random(table)
    for column, kind in await _columns(intruder, table):
        if column in NOT_MONEY[table]:
            continue
        count = len(await _rows(intruder, table, column))
        assert count, (table, column)
        texts = ["'7'"] if kind == "varchar" and column not in ("state", "kind") else []
        for n in draw.sample(range(count), min(per_column, count)):
            for value in (*_values(table, column, kind), *texts):
                async with _edited(intruder, table, column, n, value) as is_other:
                    if is_other:
                        yield f"{table}.{column} = {value} in row {n}"


@asynccontextmanager
async def _edited(
    intruder: asyncpg.Connection, table: str, column: str, n: int, value: str
) -> AsyncIterator[bool]:
    """A value in the n-th row, for as long as that is looked at; False where it was there."""
    place = (await _rows(intruder, table, column))[n]
    alike, quoted = ALIKE.get((table, column), "{}").format, f'"{column}"'
    old = await intruder.fetchrow(
        f'SELECT "{column}" AS value, {alike(value)} IS NOT DISTINCT FROM {alike(quoted)} AS same'
        f" FROM {table} WHERE ctid = $1::text::tid",
        place,
    )
    if old["same"]:
        yield False
        return
    moved = await intruder.fetchval(
        f'UPDATE {table} SET "{column}" = {value} WHERE ctid = $1::text::tid RETURNING ctid::text',
        place,
    )
    yield True
    await intruder.execute(
        f'UPDATE {table} SET "{column}" = $2 WHERE ctid = $1::text::tid', moved, old["value"]
    )


@pytest.mark.parametrize("table", NOT_MONEY)
async def test_every_row_that_is_gone_or_there_twice_is_found(
    intruder: asyncpg.Connection, table: str
) -> None:
    missed = []
    for _ in range(len(await _rows(intruder, table))):
        place = (await _rows(intruder, table))[0]
        row = await intruder.fetchval(
            f"DELETE FROM {table} t WHERE ctid = $1::text::tid RETURNING to_jsonb(t)::text", place
        )
        if (await verify()).sound:
            missed.append(row)
        await intruder.execute(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1)", row
        )
    assert missed == []
    assert (await verify()).faults == []


async def test_all_heads_gone_are_found(intruder: asyncpg.Connection) -> None:
    await intruder.execute("DELETE FROM payments_chain")
    assert (await verify()).fault_count == 64


@pytest.mark.parametrize(
    "made_up",
    [
        """INSERT INTO payments_payout SELECT gen_random_uuid(), 'gas', '2026-11-21', 1, 5, 0, 0, 0,
             5, NULL, now()""",
        """INSERT INTO payments_refund SELECT (jsonb_populate_record(r, jsonb_build_object(
             'id', gen_random_uuid(), 'key', 'mine'))).* FROM payments_refund r LIMIT 1""",
        """INSERT INTO payments_intent SELECT (jsonb_populate_record(i, jsonb_build_object(
             'id', gen_random_uuid(), 'subject_ref', 'mine', 'psp_ref', 'mine', 'receipt_no', null
             ))).* FROM payments_intent i WHERE state = 'paid'""",
        """INSERT INTO payments_hold SELECT (jsonb_populate_record(h, jsonb_build_object(
             'id', gen_random_uuid(), 'key', 'refund:mine'))).* FROM payments_hold h
             WHERE state <> 'pending' LIMIT 1""",
        """INSERT INTO payments_share SELECT (jsonb_populate_record(s, jsonb_build_object(
             'id', (SELECT id FROM payments_intent WHERE state = 'paid'))
             )).* FROM payments_share s WHERE state = 'requested'""",
        """INSERT INTO payments_share_return SELECT (jsonb_populate_record(r, jsonb_build_object(
             'id', gen_random_uuid(),
             'refund_id', (SELECT id FROM payments_refund WHERE share_fen = 0 LIMIT 1))
             )).* FROM payments_share_return r""",
    ],
)
async def test_every_row_made_up_is_found(intruder: asyncpg.Connection, made_up: str) -> None:
    assert await intruder.execute(made_up) == "INSERT 0 1"
    assert not (await verify()).sound
