"""What the application's role may do to the books with plain SQL: call functions, and nothing else.

The grants are compared table by table with what the manifests declare; the listed statements are
those that somebody with psql would try.
"""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import parse_url
from core.ids import new_id
from core.manifest import Manifest
from core.processes.embedded import APP_ROLE, DatabaseUrls
from core.processes.migrate import MIGRATIONS_TABLE
from payments.ledger.verify import verify
from tests.payments import past
from tests.payments.reconciliation.books import Books

CALLED = {
    "payments_post",
    "payments_set_aside",
    "payments_end_hold",
    "payments_begin_comparison",
    "payments_analyze_comparison",
    "payments_close_day",
    "payments_carry_forward",
}
"""All functions that run with their owner's rights."""


@pytest.fixture
async def sql(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the application's own role, past all our code."""
    connection = await asyncpg.connect(**parse_url(database.app))
    yield connection
    await connection.close()


@pytest.fixture
async def books(app: App, clock: ManualClock) -> Books:
    """A ledger with one of everything."""
    books = Books(app, clock)
    await past.live(books)
    return books


def _declared(manifests: Sequence[Manifest]) -> dict[str, set[str]]:
    """What the manifests take from a table's grants."""
    taken = {MIGRATIONS_TABLE: {"INSERT", "UPDATE", "DELETE"}}
    for manifest in manifests:
        for table in (*manifest.append_only, *manifest.kept):
            taken.setdefault(table, set()).update({"UPDATE", "DELETE"})
        for table in manifest.read_only:
            taken.setdefault(table, set()).update({"INSERT", "UPDATE", "DELETE"})
    return taken


async def test_the_role_has_on_each_table_what_is_declared_and_no_more(
    sql: asyncpg.Connection, manifests: Sequence[Manifest]
) -> None:
    rows = await sql.fetch(
        """SELECT c.relname AS table, p.name AS privilege,
                  has_table_privilege(c.oid, p.name) AS has
             FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
                                           'REFERENCES', 'TRIGGER']) AS p (name)
            WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace = 'public'::regnamespace"""
    )
    taken = _declared(manifests)
    assert taken.keys() <= {row["table"] for row in rows}
    usual = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    for row in rows:
        may = row["privilege"] in usual - taken.get(row["table"], set())
        assert row["has"] == may, (row["table"], row["privilege"])


async def test_a_kept_table_lets_only_its_moving_columns_be_written(
    sql: asyncpg.Connection, manifests: Sequence[Manifest]
) -> None:
    rows = await sql.fetch(
        """SELECT c.relname AS table, a.attname AS column,
                  has_column_privilege(c.oid, a.attnum, 'UPDATE') AS has
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
              AND NOT a.attisdropped"""
    )
    kept = {table: columns for m in manifests for table, columns in m.kept.items()}
    for table, columns in kept.items():
        writable = {row["column"] for row in rows if row["table"] == table and row["has"]}
        assert writable == set(columns), table


async def test_what_runs_with_its_owner_s_rights_is_listed_and_has_a_fixed_path(
    sql: asyncpg.Connection,
) -> None:
    rows = await sql.fetch(
        """SELECT proname, proconfig FROM pg_proc
            WHERE prosecdef AND pronamespace = 'public'::regnamespace"""
    )
    assert {row["proname"] for row in rows} == CALLED
    for row in rows:
        assert "search_path=pg_catalog, public, pg_temp" in (row["proconfig"] or []), row


async def test_the_role_is_nobody_special(sql: asyncpg.Connection) -> None:
    role = await sql.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
    assert role is not None and role["rolname"] == APP_ROLE
    for right in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls"):
        assert not role[right], right
    assert (
        await sql.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1", role["oid"])
        == 0
    )
    for privilege in ("TEMP", "CREATE"):
        assert not await sql.fetchval(
            "SELECT has_database_privilege(current_database(), $1)", privilege
        )
    assert not await sql.fetchval("SELECT has_schema_privilege('public', 'CREATE')")
    assert (
        await sql.fetchval(
            """SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
              AND pg_get_userbyid(relowner) = current_user"""
        )
        == 0
    )


_POST = """SELECT payments_post(gen_random_uuid(), 'test', 'test:' || gen_random_uuid(), NULL,
                                now(), {legs})"""
_JOURNAL = """INSERT INTO payments_journal
  (id, kind, key, posted_at, entry_count, chain, seq, hash)
  VALUES (gen_random_uuid(), 'test', 'test:1', now(), 2, 99, 1, '')"""
_PAID = "(SELECT id FROM payments_intent WHERE state = 'paid')"
_AWAITING = "(SELECT id FROM payments_intent WHERE state = 'awaiting')"
_HELD = "(SELECT hold_id FROM payments_refund WHERE state = 'requested')"


def _post(*legs: tuple[str, str, int]) -> str:
    codes, sides, amounts = zip(*legs, strict=True)
    return _POST.format(
        legs=f"ARRAY{list(codes)}::text[], ARRAY{list(sides)}::text[],"
        f" ARRAY{list(amounts)}::bigint[]"
    )


REFUSED = (
    # the journal and its entries
    "UPDATE payments_entry SET amount_fen = 1",
    "DELETE FROM payments_entry",
    "TRUNCATE payments_entry",
    "INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)"
    " SELECT journal_id, 9, account_id, side, 7 FROM payments_entry",
    "UPDATE payments_journal SET key = 'x'",
    "DELETE FROM payments_journal",
    _JOURNAL,
    "ALTER TABLE payments_entry DISABLE TRIGGER ALL",
    "DROP TABLE payments_entry",
    "SET session_replication_role = replica",
    # balances, accounts, chains
    "UPDATE payments_balance SET credit_fen = credit_fen + 12345678",
    "INSERT INTO payments_balance VALUES (999, 1, '', 1, 0, 0)",
    "DELETE FROM payments_balance",
    "UPDATE payments_account SET guarded = false",
    "INSERT INTO payments_account (code, normal, guarded, shards)"
    " VALUES ('payer:victim', 'C', false, 1)",
    "DELETE FROM payments_account",
    "UPDATE payments_chart SET guarded = false",
    "INSERT INTO payments_chart VALUES ('mine', 'C', false, 1)",
    "UPDATE payments_chain SET seq = 0",
    "DELETE FROM payments_chain",
    "INSERT INTO payments_chain VALUES (64, 0, '')",
    # temporary tables, functions, roles
    "CREATE TEMPORARY TABLE mine (x int)",
    "CREATE TABLE mine (x int)",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION payments_voucher(text, text, uuid) RETURNS jsonb"
    " LANGUAGE sql AS 'SELECT NULL::jsonb'",
    "CREATE TRIGGER mine AFTER INSERT ON payments_intent EXECUTE FUNCTION core_refuse_change()",
    "SET ROLE quancheng_owner",
    "GRANT quancheng_owner TO quancheng_app",
    "SELECT payments_draw(1, 'C', 64, 100)",
    # postings
    _post(("psp:x", "D", 100), ("payer:x", "C", 99)),
    _post(("psp:x", "D", 100)),
    _post(("psp:x", "D", 100), ("payer:x", "D", 100)),
    _post(("psp:x", "D", -100), ("payer:x", "C", -100)),
    _post(("payer:x", "D", 99898), ("psp:x", "C", 99898)),
    _post(("mine:x", "D", 100), ("fees:x", "C", 100)),
    "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; "
    + _post(("psp:x", "D", 100), ("payer:x", "C", 100))
    + "; INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)"
    " SELECT id, 3, 1, 'C', 777777 FROM payments_journal ORDER BY posted_at DESC LIMIT 1; COMMIT",
    # holds
    "UPDATE payments_hold SET state = 'voided'",
    "DELETE FROM payments_hold",
    f"SELECT payments_end_hold({_HELD}, 'voided', 5, NULL)",
    f"SELECT payments_end_hold({_HELD}, 'posted', 999999, NULL)",
    "SELECT payments_set_aside(gen_random_uuid(), 'mine', 'psp:wechatpay', 1, now(), NULL)",
    # payments
    "DELETE FROM payments_intent",
    "TRUNCATE payments_intent CASCADE",
    "UPDATE payments_intent SET payer_id = gen_random_uuid()",
    "UPDATE payments_contract SET payer_id = gen_random_uuid()",
    "UPDATE payments_intent SET amount_fen = 1",
    f"UPDATE payments_intent SET state = 'paid', captured_fen = amount_fen, psp_ref = '1',"
    f" paid_at = now() WHERE id = {_AWAITING}",
    f"UPDATE payments_intent SET state = 'paid' WHERE id = {_AWAITING}",
    f"BEGIN; UPDATE payments_intent SET state = 'paid', captured_fen = amount_fen WHERE id ="
    f" {_AWAITING}; UPDATE payments_intent SET state = 'fulfilled', fulfilment_ref = '1'"
    f" WHERE id = {_AWAITING}; COMMIT",
    f"UPDATE payments_intent SET state = 'fulfilled', fulfilment_ref = 'x' WHERE id = {_PAID}",
    f"UPDATE payments_intent SET refunded_fen = 1 WHERE id = {_PAID}",
    f"UPDATE payments_intent SET captured_fen = 0 WHERE id = {_PAID}",
    "UPDATE payments_intent SET state = 'refunded', refunded_fen = captured_fen,"
    " refunding_fen = 0 WHERE state = 'refunding'",
    "INSERT INTO payments_intent (id, payer_id, kind, subject_ref, payee, title_zh, title_en,"
    " amount_fen, psp, client_address, state, order_tries, captured_fen, refunding_fen,"
    " refunded_fen, checks, attempts, created_at, expires_at) SELECT gen_random_uuid(), payer_id,"
    " kind, 'other', payee, title_zh, title_en, amount_fen, psp, client_address, 'created', 1,"
    f" 5, 0, 0, 0, 0, created_at, expires_at FROM payments_intent WHERE id = {_PAID}",
    # refunds, left orders
    "DELETE FROM payments_refund",
    "UPDATE payments_refund SET amount_fen = 1",
    "UPDATE payments_refund SET state = 'succeeded' WHERE state = 'requested'",
    "INSERT INTO payments_refund (id, intent_id, psp, key, hold_id, amount_fen, reason, state,"
    " attempts, created_at) SELECT gen_random_uuid(), id, psp, 'mine', gen_random_uuid(), 900,"
    f" 'MINE', 'requested', 0, now() FROM payments_intent WHERE id = {_PAID}",
    "UPDATE payments_left_order SET captured_fen = 0",
    # shares
    "UPDATE payments_intent SET share_bps = 1",
    "UPDATE payments_refund SET share_fen = 0",
    "DELETE FROM payments_share",
    "UPDATE payments_share SET amount_fen = 1",
    "UPDATE payments_share SET receiver = 'mine'",
    "UPDATE payments_share SET state = 'succeeded', ended_at = now() WHERE state = 'requested'",
    "UPDATE payments_share SET state = 'released' WHERE state = 'succeeded'",
    "INSERT INTO payments_share (id, psp, receiver, amount_fen, state, reason, attempts,"
    f" created_at) VALUES ({_PAID}, 'wechatpay', 'mine', 7, 'requested', '', 0, now())",
    "DELETE FROM payments_share_return",
    "UPDATE payments_share_return SET amount_fen = 1",
    "INSERT INTO payments_share_return (id, share_id, refund_id, amount_fen, state, reason,"
    " attempts, created_at) SELECT gen_random_uuid(), share_id, refund_id, 1, 'requested', '', 0,"
    " now() FROM payments_share_return",
    "DELETE FROM payments_left_order",
    # what follows from them
    "UPDATE payments_payout SET amount_fen = 0",
    "DELETE FROM payments_payout",
    "INSERT INTO payments_payout (id, payee, settled_on, payments, fulfilled_fen, reversed_fen,"
    " claimed_fen, fee_fen, amount_fen, instructed_at)"
    " VALUES (gen_random_uuid(), 'mine', '2026-11-20', 1, 5, 0, 0, 0, 5, now())",
    # closed days
    _post(("psp:x", "D", 100), ("fees:x", "C", 100)).replace("now()", "'2026-11-20 12:00+08'"),
    "INSERT INTO payments_closing VALUES ('2026-11-22', now(), 'mine', now())",
    "UPDATE payments_closing SET closed_on = '2026-11-19'",
    "DELETE FROM payments_closing",
    "UPDATE payments_chain SET open_from = '1970-01-01'",
    "UPDATE payments_closing_balance SET debit_fen = 0",
    "DELETE FROM payments_closing_balance",
    "SELECT payments_close_day('2026-11-20', now(), 'mine')",
    "SELECT payments_close_day('9999-12-30', now(), 'mine')",
    # the bank
    "UPDATE payments_bank_entry SET amount_fen = 1",
    "DELETE FROM payments_bank_entry",
    "INSERT INTO payments_bank_entry SELECT (jsonb_populate_record(e, jsonb_build_object("
    "'id', gen_random_uuid(), 'ref', 'mine'))).* FROM payments_bank_entry e"
    " WHERE journal_id IS NOT NULL",
    "UPDATE payments_bank_statement SET closing_fen = 1",
    "DELETE FROM payments_bank_statement",
    "UPDATE payments_transfer SET amount_fen = 1",
    "UPDATE payments_transfer SET payee = 'mine'",
    "UPDATE payments_transfer SET state = 'due' WHERE state = 'paid'",
    "DELETE FROM payments_transfer",
    "DELETE FROM payments_case",
    "DELETE FROM payments_case_note",
    "UPDATE payments_case SET blocking = false",
    "DELETE FROM payments_statement",
    "DELETE FROM payments_crossing",
)  # fmt: skip


async def test_statements_of_somebody_with_psql_are_refused(
    books: Books, sql: asyncpg.Connection
) -> None:
    assert len(REFUSED) >= 40
    before = await _everything(sql)
    for statement in REFUSED:
        with pytest.raises(asyncpg.PostgresError):
            await sql.execute(statement)
            pytest.fail(f"not refused: {statement}")
        await sql.execute("ROLLBACK")
    assert await _everything(sql) == before
    assert (await verify()).faults == []


async def test_what_is_written_past_the_functions_is_refused_table_by_table(
    books: Books, sql: asyncpg.Connection, manifests: Sequence[Manifest]
) -> None:
    """Each table and each verb that the role lacks, by a statement that would do it."""
    for table, verbs in _declared(manifests).items():
        column = await sql.fetchval(
            """SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1""",
            table,
        )
        statements = {
            "INSERT": f"INSERT INTO {table} SELECT * FROM {table}",
            "UPDATE": f'UPDATE {table} SET "{column}" = "{column}"',
            "DELETE": f"DELETE FROM {table}",
        }
        for verb in verbs:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sql.execute(statements[verb])


async def test_a_payment_cannot_be_made_up_of_two_true_halves(
    books: Books, sql: asyncpg.Connection
) -> None:
    """The journal of one payment does not stand for another; one without its payment is none."""
    for kind in ("settle", "fulfil", "refund", "share", "share_return"):
        key = f"{kind}:{new_id()}"
        with pytest.raises(asyncpg.CheckViolationError, match="does not agree"):
            await sql.execute(
                f"""SELECT payments_post(gen_random_uuid(), $1, $2, {_AWAITING}, now(),
                      ARRAY['psp:wechatpay', 'payer:x'], ARRAY['D', 'C'], ARRAY[900, 900]::bigint[])
                 """,
                key.partition(":")[0],
                key,
            )


async def _everything(sql: asyncpg.Connection) -> dict[str, str]:
    tables = await sql.fetch(
        """SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'payments_%'
              AND relnamespace = 'public'::regnamespace"""
    )
    return {
        row["relname"]: await sql.fetchval(
            f"SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), ''))"
            f" FROM {row['relname']} t"
        )
        for row in tables
    }
