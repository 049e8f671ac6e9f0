"""What the application's role may do to the books with plain SQL: call functions, and nothing else.

The grants are compared table by table with what the manifests declare; the listed statements are
those that somebody with psql would try.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import parse_url, transaction
from core.ids import new_id
from core.manifest import Manifest
from core.processes.embedded import APP_ROLE, DatabaseUrls
from core.processes.migrate import MIGRATIONS_TABLE
from payments import settlement
from payments.ledger.verify import verify
from payments.models import Refund
from payments.psp.port import RefundState, RefundView
from tests.payments import past
from tests.payments.reconciliation.books import Books, at

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
async def books(app: App, clock: ManualClock, database: DatabaseUrls) -> Books:
    """A ledger with one of everything, whose database takes no later moment than its clock for now,
    as the real ones do."""
    books = Books(app, clock)
    await past.live(books)
    books.go_to(at(past.NEXT + timedelta(days=1), "00:10:00"))
    owner = await asyncpg.connect(**parse_url(database.owner))
    latest = clock.now() + timedelta(minutes=5)
    await owner.execute(
        "CREATE OR REPLACE FUNCTION core_latest() RETURNS timestamptz LANGUAGE sql VOLATILE"
        f" RETURN '{latest.isoformat()}'::timestamptz"
    )
    await owner.close()
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


_NOW = "'2026-11-22 00:10+08'"
_POST = f"""SELECT payments_post(gen_random_uuid(), 'test', 'test:' || gen_random_uuid(), NULL,
                                 {_NOW}, {{legs}})"""
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
    _post(("psp:x", "D", 100), ("fees:x", "C", 100)).replace(_NOW, "'2026-11-20 12:00+08'"),
    "INSERT INTO payments_closing VALUES ('2026-11-22', now(), 'mine', now())",
    "UPDATE payments_closing SET closed_on = '2026-11-19'",
    "DELETE FROM payments_closing",
    "UPDATE payments_chain SET open_from = '1970-01-01'",
    "UPDATE payments_closing_balance SET debit_fen = 0",
    "DELETE FROM payments_closing_balance",
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
    "UPDATE payments_correction SET their_fen = 1",
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


CALLS: Mapping[str, Mapping[str, str]] = {
    "payments_post": {
        "p_id": "gen_random_uuid()",
        "p_kind": "'test'",
        "p_key": "'test:mine'",
        "p_intent": "NULL",
        "p_at": _NOW,
        "p_codes": "'{psp:x,payer:x}'",
        "p_sides": "'{D,C}'",
        "p_amounts": "'{100,100}'",
    },
    "payments_set_aside": {
        "p_id": "gen_random_uuid()",
        "p_key": "'test:mine'",
        "p_code": "'payer:' || (SELECT payer_id FROM payments_intent WHERE state = 'paid')",
        "p_amount": "1",
        "p_at": _NOW,
        "p_expires": "NULL",
    },
    "payments_end_hold": {
        "p_id": "(SELECT id FROM payments_hold WHERE key = 'test:open')",
        "p_state": "'expired'",
        "p_posted": "0",
        "p_expired_by": _NOW,
    },
    "payments_close_day": {"p_day": "'2026-11-21'", "p_at": _NOW, "p_by": "'mine'"},
    "payments_carry_forward": {"p_day": "'2026-11-21'", "p_at": _NOW},
    "payments_begin_comparison": {},
    "payments_analyze_comparison": {},
}
"""What may be called, in an order in which each of these calls is taken."""

_LATER = ("'infinity'", "'9999-12-31'", f"{_NOW}::timestamptz + interval '1 day'")
WRONG: Mapping[str, Sequence[str]] = {
    "uuid": ("NULL",),
    "text": ("NULL", "''", "'x y'", "'refund:mine'", "'settle:' || gen_random_uuid()"),
    "bigint": ("NULL", "-1", "999999999", "9223372036854775807"),
    "date": ("NULL", "'infinity'", "'-infinity'", "'9999-12-30'", "'1969-12-31'", "'2026-11-20'"),
    "timestamp with time zone": ("NULL", *_LATER),
    "text[]": ("NULL", "'{}'", "'{NULL,NULL}'", "'{{D,C},{D,C}}'", "'[0:1]={D,C}'", "'{D}'"),
    "bigint[]": ("NULL", "'{}'", "'{1,NULL}'", "'{0,0}'", "'{-1,-1}'", "'[0:1]={1,1}'"),
}
"""Values of each type that nothing of ours gives; each alone spoils a call."""
NOTED = {
    ("payments_post", "p_intent"): {"NULL"},
    ("payments_set_aside", "p_at"): {*_LATER},
    ("payments_set_aside", "p_expires"): {"NULL", *_LATER},
    ("payments_set_aside", "p_key"): {"''", "'x y'", "'settle:' || gen_random_uuid()"},
    ("payments_close_day", "p_by"): {*WRONG["text"]} - {"NULL"},
}
"""Those of them that are right, or noted and not followed."""


def _call(function: str, values: Mapping[str, str]) -> str:
    return f"SELECT {function}({', '.join(values.values())})"


async def test_no_argument_of_a_function_spoils_the_books(
    books: Books, sql: asyncpg.Connection
) -> None:
    """Each of them in each place: refused, or nothing is done."""
    await sql.execute(
        f"""SELECT payments_set_aside(gen_random_uuid(), 'test:open', {
            CALLS["payments_set_aside"]["p_code"]
        }, 1, {_NOW}, '2026-11-21 12:00+08')"""
    )
    arguments = await sql.fetch(
        """SELECT proname AS function, a.name, format_type(a.type, NULL) AS type
             FROM pg_proc, unnest(proargnames, proargtypes::oid[]) AS a (name, type)
            WHERE prosecdef AND pronamespace = 'public'::regnamespace AND a.name IS NOT NULL"""
    )
    told = {(a["function"], a["name"]) for a in arguments}
    assert told == {(function, name) for function, values in CALLS.items() for name in values}
    for function, values in CALLS.items():
        before = await _everything(sql)
        for name, kind in [(a["name"], a["type"]) for a in arguments if a["function"] == function]:
            for value in set(WRONG[kind]) - NOTED.get((function, name), set()):
                try:
                    await sql.execute(_call(function, values | {name: value}))
                except asyncpg.PostgresError:
                    await sql.execute("ROLLBACK")
                assert await _everything(sql) == before, f"{function}: {name} = {value}"
        if values:
            await sql.execute(_call(function, values))
            assert await _everything(sql) != before, function
    assert (await verify()).faults == []
    await books.paid(at(past.NEXT + timedelta(days=1), "00:12:00"), 700)


_OPEN = "(SELECT id FROM payments_refund WHERE state = 'requested')"
_LEGS = "'{psp:x,payer:x}', '{D,C}', '{100,100}'"
UNTRUE: Mapping[str, str] = {
    # moments
    _post(("psp:x", "D", 100), ("payer:x", "C", 100)).replace(
        _NOW, "'2026-11-22 00:16+08'"
    ): "payments_journal_moment",
    "SELECT payments_close_day('9999-12-30', '9999-12-31', 'mine')": "payments_closing_over",
    f"SELECT payments_close_day('2026-11-22', {_NOW}, 'mine')": "payments_closing_over",
    f"SELECT payments_close_day('2026-11-20', {_NOW}, 'mine')": "payments_closing_once",
    f"SELECT payments_close_day('1969-12-30', {_NOW}, 'mine')": "payments_closing_once",
    # a refund's hold
    f"SELECT payments_end_hold({_HELD}, 'voided', 5, NULL)": "payments_hold_posted",
    f"SELECT payments_end_hold({_HELD}, 'posted', 999999, NULL)": "payments_hold_posted",
    f"SELECT payments_end_hold({_HELD}, 'voided', 0, NULL)": "payments_intent_journals",
    f"SELECT payments_end_hold({_HELD}, 'posted', 300, NULL)": "payments_intent_journals",
    f"SELECT payments_end_hold({_HELD}, 'expired', 0, NULL)": "payments_hold_moment",
    "SELECT payments_set_aside(gen_random_uuid(), 'refund:' || gen_random_uuid(), 'payer:'"
    f" || (SELECT payer_id FROM payments_intent WHERE id = {_PAID}), 1, {_NOW}, NULL)":
        "payments_intent_journals",
    f"SELECT payments_set_aside(gen_random_uuid(), 'mine', 'psp:wechatpay', 1, {_NOW}, NULL)": "",
    f"SELECT payments_set_aside(gen_random_uuid(), 'mine', 'payee:non-tax', 1, {_NOW}, NULL)": "",
    # somebody else's journal
    f"SELECT payments_post(gen_random_uuid(), 'test', 'settle:' || {_AWAITING}, NULL, {_NOW},"
    f" {_LEGS})": "payments_journal_kind",
    f"SELECT payments_post(gen_random_uuid(), 'refund', 'refund:' || {_OPEN}, NULL, {_NOW},"
    f" {_LEGS})": "payments_intent_journals",
    f"SELECT payments_post(gen_random_uuid(), 'payout', 'payout:gas:2026-11-21', NULL, {_NOW},"
    f" {_LEGS})": "payments_payout_journal",
    f"SELECT payments_post(gen_random_uuid(), 'bank', 'bank:' || gen_random_uuid(), NULL, {_NOW},"
    f" {_LEGS})": "payments_bank_entry_journal",
}  # fmt: skip
"""Calls that are well formed, and what refuses them."""


async def test_what_a_call_says_must_be_true(books: Books, sql: asyncpg.Connection) -> None:
    before = await _everything(sql)
    for statement, constraint in UNTRUE.items():
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await sql.execute(statement)
            pytest.fail(f"not refused: {statement}")
        assert (refused.value.constraint_name or "") == constraint, statement
    assert await _everything(sql) == before
    # the refund, whose hold was tried, is made
    refund = await Refund.get(state="requested")
    async with transaction() as tx:
        made = RefundView(refund.id, RefundState.SUCCEEDED, "50", refund.amount_fen)
        noted = await settlement.apply_refund(books.app, tx, refund.psp, made)
    assert noted is not None and noted.state == "succeeded"
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
                f"""SELECT payments_post(gen_random_uuid(), $1, $2, {_AWAITING}, {_NOW},
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
