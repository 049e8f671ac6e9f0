"""Bringing the database to the code's shape: every wing's migrations in one transaction.

Either all pending migrations are applied and recorded, or none: a crash half-way leaves nothing.
After them come what is generated from data rather than written by hand: the job queue's tables,
the triggers of the state machines, the guards of append-only tables, the latest moment that is
taken for now, the application's grants.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from pgqueuer import AsyncpgDriver, Queries
from tortoise.apps import Apps
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, PlanStep
from tortoise.migrations.schema_editor import AsyncpgSchemaEditor
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.transactions import in_transaction

from core.database import Transaction, parse_url, raw_connection, tortoise_config
from core.manifest import Manifest
from core.queue.jobs import NO_TRIGGER_SQL
from core.states import MACHINES

MIGRATIONS_TABLE = "tortoise_migrations"
_LOCK = 0x7175616E63  # "quanc": one migrator at a time

_APPEND_ONLY_FUNCTION = """
CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
"""


CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a process's clock may be ahead of the database's."""


class MigrationError(Exception):
    """The database and the code do not fit; the message is one line for the operator."""


async def migrate(
    owner_url: str,
    app_url: str,
    manifests: Sequence[Manifest],
    clock_offset: timedelta = timedelta(0),
) -> list[str]:
    """Apply everything pending as the owner and return what was applied ("bills.0001_initial").

    `clock_offset` is how far the processes' clocks are ahead of the machine's: the database takes
    no later moment for now. Safe to run at every start and from several processes at once. Raises
    MigrationError when the database holds migrations that this code does not know.
    """
    config = tortoise_config(owner_url, manifests, pool_size=2, application="quancheng migrate")
    statements = generated_sql(manifests)
    async with _initialised(config), in_transaction("default") as tx:
        # whoever comes second waits as long as the first one works
        await tx.execute_script("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        await tx.execute_query("SELECT pg_advisory_xact_lock($1)", [_LOCK])
        await tx.execute_script("SET LOCAL lock_timeout TO DEFAULT")
        executor = MigrationExecutor(tx, config["apps"])
        # the executor's first query would break the transaction where the table is missing
        await executor.recorder.ensure_schema(AsyncpgSchemaEditor(tx, atomic=False))
        pending = await _pending(executor)
        await _apply(executor, tx)
        await _install_queue(tx)
        for statement in (*statements, _latest_sql(clock_offset)):
            await tx.execute_script(statement)
        await _grant(tx, parse_url(app_url)["user"], manifests)
    return pending


async def check(app_url: str, manifests: Sequence[Manifest]) -> None:
    """Raise MigrationError unless the database is exactly at this code's migrations."""
    config = tortoise_config(app_url, manifests, pool_size=2, application="quancheng check")
    async with _initialised(config):
        db = get_connection("default")
        if not await _has_table(db, MIGRATIONS_TABLE):
            raise MigrationError("the database is empty: run `quancheng migrate`")
        pending = await _pending(MigrationExecutor(db, config["apps"]))
    if pending:
        raise MigrationError(
            f"{len(pending)} migrations are pending (first: {pending[0]}): run `quancheng migrate`"
        )


async def drift(manifests: Sequence[Manifest]) -> list[str]:
    """Where models and committed migrations differ, one line each; needs no database."""
    config = tortoise_config("postgresql://nobody@localhost/none", manifests)
    async with _initialised(config) as apps:
        writers = await MigrationAutodetector(apps, config["apps"]).changes()
    return [
        f"{writer.app_label}: {operation.describe()}"
        for writer in writers
        for operation in writer.operations
    ]


async def write_migrations(manifests: Sequence[Manifest]) -> list[str]:
    """Write the missing migrations into the wings' folders; returns the files' paths."""
    config = tortoise_config("postgresql://nobody@localhost/none", manifests)
    async with _initialised(config) as apps:
        return await MigrationAutodetector(apps, config["apps"]).write()


def name(step: PlanStep) -> str:
    """A migration's full name."""
    return f"{step.migration.app_label}.{step.migration.name}"


def generated_sql(manifests: Sequence[Manifest]) -> list[str]:
    """The statements that follow from the wings' data."""
    statements = [_APPEND_ONLY_FUNCTION]
    statements += [machine.trigger_sql() for machine in MACHINES.of(manifests)]
    for manifest in manifests:
        statements += [_append_only_sql(table) for table in manifest.append_only]
    return statements


def _latest_sql(clock_offset: timedelta) -> str:
    """The function that says which moment no process's clock has reached yet.

    A function, since the application cannot replace one, and it costs a statement nothing.
    """
    ahead = clock_offset + CLOCKS_DIFFER
    return f"""
CREATE OR REPLACE FUNCTION core_latest() RETURNS timestamptz LANGUAGE sql VOLATILE
  RETURN clock_timestamp() + interval '{ahead.total_seconds():.0f} s'
"""


def _append_only_sql(table: str) -> str:
    return f"""
CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
  FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change();
"""


@asynccontextmanager
async def _initialised(config: dict[str, Any]) -> AsyncIterator[Apps]:
    async with TortoiseContext() as context:
        await context.init(config=config, init_connections=False)
        assert context.apps is not None
        yield context.apps


async def _pending(executor: MigrationExecutor) -> list[str]:
    """The migrations still to apply. Raises MigrationError for a database from newer code."""
    await executor.loader.build_graph()
    graph = executor.loader.graph
    applied = await executor.recorder.applied_migrations()
    unknown = sorted(f"{key.app_label}.{key.name}" for key in applied if key not in graph.nodes)
    if unknown:
        raise MigrationError(
            f"the database is newer than this code (it has {unknown[0]}): update the code"
        )
    return [name(step) for step in await executor.plan()]


async def _apply(executor: MigrationExecutor, tx: Transaction) -> None:
    """Apply what is pending, in the order of the whole, each wing on a state of its own models.

    Tortoise copies the state before every operation. No wing's tables know another's, so a copy of
    one wing's models serves, and takes a tenth of the time that a copy of all takes.
    """
    states: dict[str, State] = {}
    editor = AsyncpgSchemaEditor(tx)
    for step in await executor.plan():
        wing = step.migration.app_label
        if wing not in states:
            states[wing] = await _applied_state(executor, wing)
        await step.migration.apply(states[wing], schema_editor=editor)
        await executor.recorder.record_applied(wing, step.migration.name)


async def _applied_state(executor: MigrationExecutor, wing: str) -> State:
    """A wing's models as its applied migrations have left them."""
    state = State(models={}, apps=StateApps(default_connections={wing: "default"}))
    graph, applied = executor.loader.graph, executor.loader.applied_migrations
    for leaf in graph.leaf_nodes(wing):
        for key in graph.forwards_plan(leaf):
            migration = graph.nodes[key]
            if key.app_label == wing and key in applied and migration is not None:
                await migration.apply(state, dry_run=True)
    return state


async def _has_table(db: Transaction, table: str) -> bool:
    rows = await db.execute_query_dict("SELECT to_regclass($1) IS NOT NULL AS found", [table])
    return bool(rows[0]["found"])


async def _install_queue(tx: Transaction) -> None:
    queries = Queries(AsyncpgDriver(raw_connection(tx)))
    if not await queries.schema_is_installed():
        await queries.install()
    await tx.execute_script(NO_TRIGGER_SQL)


async def _grant(tx: Transaction, role: str, manifests: Sequence[Manifest]) -> None:
    """Give the application's role what it needs, and take from everybody what it must not have.

    Raises MigrationError where the database does not let itself be closed to temporary tables.
    """
    rows = await tx.execute_query_dict(
        """SELECT current_user = $1 AS owns, quote_ident($1) AS role,
                  quote_ident(current_database()) AS database""",
        [role],
    )
    if rows[0]["owns"]:
        return
    await tx.execute_script(";\n".join(_grants(rows[0]["role"], rows[0]["database"], manifests)))
    rows = await tx.execute_query_dict(
        "SELECT has_database_privilege($1, current_database(), 'TEMP') AS temp", [role]
    )
    if rows[0]["temp"]:
        raise MigrationError(
            f"{role} may make temporary tables: as the database's owner, REVOKE TEMPORARY"
        )


def _grants(role: str, database: str, manifests: Sequence[Manifest]) -> list[str]:
    grants = [
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}",
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON {MIGRATIONS_TABLE} FROM {role}",
    ]
    for manifest in manifests:
        grants += [
            f"REVOKE UPDATE, DELETE ON {table} FROM {role}" for table in manifest.append_only
        ]
        grants += [
            f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}" for table in manifest.read_only
        ]
        for table, columns in manifest.kept.items():
            grants.append(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")
            grants.append(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO {role}")
    return grants
