"""The command `quancheng`: our own commands here, those of the wings from their manifests.

What a command needs is imported when it runs, so `quancheng --help` stays quick, and the layers
above are reached by name alone.
"""

import ast
import asyncio
import importlib.util
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand, TyperGroup

from core.errors import ERROR_PREFIX, StartError
from core.manifest import discover, load
from core.rooms import require_module

if TYPE_CHECKING:
    from core.settings import Settings

T = TypeVar("T")


class House(TyperGroup):
    """The root group: knows the wings' commands by name and loads only the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Our commands in the order of this file, then the wings'."""
        return [*super().list_commands(ctx), *_contributed()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One of ours, or a wing's: its help line alone until it runs."""
        own = super().get_command(ctx, cmd_name)
        module = None if own else _contributed().get(cmd_name)
        return TyperCommand(cmd_name, help=_first_line(module)) if module else own

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run; a wing's is imported here."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            command = typer.main.get_command(load(f"{_contributed()[name]}:app"))
            command.name = name
        return name, command, rest


def _contributed() -> dict[str, str]:
    """The modules of the wings' commands by the command's name."""
    return {
        name: require_module(manifest, module)
        for manifest in discover()
        for name, module in manifest.commands.items()
    }


def _first_line(module: str) -> str:
    """The first line of a module's docstring, read without running the module."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


app = typer.Typer(
    cls=House,
    help="The backend of a city super-app.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
jobs = typer.Typer(help="Queued jobs that failed for good.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    apis: Annotated[int, typer.Option(min=1, max=64, help="API processes: PORT, PORT+1, …")] = 1,
    sandbox: Annotated[bool, typer.Option(help="Start the sandbox city too.")] = True,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="Shanghai time to begin at, as a trial; with a DATA_DIR of its own.",
        ),
    ] = None,
) -> None:
    """Start everything: database, migrations, seed, sandbox, worker, API."""
    from core.clock import SHANGHAI, SystemClock
    from core.processes.supervisor import Plan, Supervisor

    if at is not None:
        ahead = at.replace(tzinfo=SHANGHAI) - SystemClock().now()
        os.environ["CLOCK_OFFSET_S"] = str(round(ahead.total_seconds()))
    Supervisor(_settings(), Plan(apis, workers, sandbox), Console()).run()


@app.command()
def api() -> None:
    """Serve the API on HOST and PORT."""
    from core.city import load_city
    from core.processes.embedded import database
    from core.processes.open_app import check_wings
    from core.processes.preflight import require_free_port
    from core.processes.serve import serve

    settings = _startable_settings()
    require_free_port(settings.host, settings.port, "PORT")
    if settings.http2_port:
        require_free_port(settings.host, settings.http2_port, "HTTP2_PORT")
    with database(settings) as ready:
        _require_current_database(ready)
        check_wings(discover(), load_city(ready.city_file))  # in one line, not in the server's log
        _publish(ready)
        serve(load("bff.app:create_app"), ready.host, ready.port, ready.http2_port)


@app.command()
def worker() -> None:
    """Run queued and scheduled jobs."""
    import uvloop

    from core.processes.embedded import database

    with database(_startable_settings()) as ready:
        _require_current_database(ready)
        uvloop.run(_work(ready))


@app.command()
def sandbox() -> None:
    """Serve the sandbox city on SANDBOX_PORT."""
    from core.processes.preflight import require_free_port
    from core.processes.serve import serve
    from core.security.keys import ensure_sandbox_keys

    settings = _settings()
    if settings.is_production:
        raise StartError("production does not run the sandbox city")
    require_free_port("127.0.0.1", settings.sandbox_port, "SANDBOX_PORT")
    ensure_sandbox_keys(settings.keys_path)
    os.environ.setdefault("SANDBOX_CLOCK_OFFSET_S", str(settings.clock_offset_s))
    os.environ.setdefault("SANDBOX_KEYS_DIR", str(settings.keys_path))
    os.environ.setdefault("SANDBOX_STATE", str(settings.data_dir / "sandbox.sqlite3"))
    serve(load("sandbox.app:create_app"), "127.0.0.1", settings.sandbox_port)


@app.command()
def migrate(
    check_drift: Annotated[
        bool, typer.Option("--check-drift", help="Only tell whether models lack a migration.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Only write the migrations that models lack.")
    ] = False,
) -> None:
    """Bring the database to the code's shape, all or nothing."""
    from core.processes import migrate
    from core.processes.embedded import database

    manifests = discover()
    if check_drift:
        if differences := asyncio.run(migrate.drift(manifests)):
            raise StartError(f"models without a migration: {'; '.join(differences)}")
    elif write:
        _print_lines(asyncio.run(migrate.write_migrations(manifests)))
    else:
        with database(_settings()) as ready:
            _require_databases(ready)
            assert ready.database_url is not None and ready.owner_url is not None
            try:
                names = migrate.migrate(ready.owner_url, ready.database_url, manifests)
                _print_lines([f"applied {name}" for name in asyncio.run(names)])
            except migrate.MigrationError as error:
                raise StartError(str(error)) from error


@app.command()
def seed() -> None:
    """Fill the database with what the sandbox city expects; repeat-safe."""
    from core.processes.embedded import database

    settings = _settings()
    if settings.is_production:
        raise StartError("production is not seeded with the sandbox's data")
    with database(settings) as ready:
        _require_current_database(ready)
        asyncio.run(_seed(ready))


@app.command("settings")
def show_settings(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As docs/settings.md has it.")
    ] = False,
) -> None:
    """Show every setting: variable, value, meaning."""
    from core.processes.settings_table import markdown_table, rich_table

    if markdown:
        typer.echo(markdown_table())
    else:
        Console().print(rich_table(_settings()))


@jobs.command("list")
def list_jobs(limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100) -> None:
    """List jobs that failed for good, newest first."""
    from core.database import connection
    from core.queue.jobs import list_dead

    async def read() -> list[Any]:
        return list(await list_dead(connection(), limit=limit))

    table = Table("id", "kind", "attempts", "error", box=None)
    for letter in _in_database(read):
        table.add_row(str(letter.id), letter.kind, str(letter.attempts), letter.error)
    Console().print(table)


@jobs.command("rerun")
def rerun_jobs(ids: Annotated[list[int], typer.Argument(help="As `jobs list` shows.")]) -> None:
    """Put failed jobs back into the queue."""
    from core.database import transaction
    from core.queue.jobs import rerun_dead

    async def write() -> None:
        async with transaction() as tx:
            await rerun_dead(tx, ids)

    _in_database(write)


def main() -> None:
    """Run the command line; a refusal is one line on standard error and exit code 1."""
    try:
        app()
    except Exception as error:
        line = str(error) if isinstance(error, StartError) else getattr(error, "exit_line", None)
        if line is None:
            raise
        print(f"{ERROR_PREFIX}{line}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _settings() -> "Settings":
    from pydantic import ValidationError

    from core.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        faults = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise StartError(f"settings: {'; '.join(faults)}") from error


def _startable_settings() -> "Settings":
    """The settings of a process that serves, with keys where the sandbox's are allowed."""
    from core.processes.preflight import require_production_ready
    from core.security.keys import ensure_sandbox_keys

    settings = _settings()
    require_production_ready(settings)
    if not settings.is_production:
        ensure_sandbox_keys(settings.keys_path)
    return settings


def _require_databases(settings: "Settings") -> None:
    from core.processes.preflight import require_database

    if settings.database_url is not None:
        require_database(settings.database_url, "DATABASE_URL")
    if settings.database_owner_url is not None:
        require_database(settings.database_owner_url, "DATABASE_OWNER_URL")


def _require_current_database(settings: "Settings") -> None:
    """Refuse a database that is unreachable, or not exactly at this code's migrations."""
    from core.processes.migrate import MigrationError, check
    from core.processes.preflight import require_database

    assert settings.database_url is not None
    require_database(settings.database_url, "DATABASE_URL")
    try:
        asyncio.run(check(settings.database_url, discover()))
    except MigrationError as error:
        raise StartError(str(error)) from error


def _publish(settings: "Settings") -> None:
    """Let an application factory, which reads its own settings, find the database too."""
    from core.processes.settings_table import environment_of

    os.environ.update(environment_of(settings))


async def _work(settings: "Settings") -> None:
    from core.processes.memory import settle_memory
    from core.processes.open_app import open_app
    from core.processes.worker import work

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_app(settings, application="quancheng worker") as house:
        settle_memory()
        await work(house, stop)


async def _seed(settings: "Settings") -> None:
    from core.context.contributions import SEEDS
    from core.processes.open_app import open_app

    async with open_app(settings, application="quancheng seed") as house:
        for manifest, seed in SEEDS.owned(house.manifests):
            await seed.fill(house)
            _print_lines([f"seeded {manifest.name}"])


def _in_database(action: Callable[[], Awaitable[T]]) -> T:
    """Run something with this process's connection pool open."""
    from core.database import pool
    from core.processes.embedded import database

    async def connected(url: str) -> T:
        await pool.connect(url, discover(), pool_size=2, application="quancheng")
        try:
            return await action()
        finally:
            await pool.disconnect()

    with database(_settings()) as ready:
        _require_current_database(ready)
        assert ready.database_url is not None
        return asyncio.run(connected(ready.database_url))


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


if __name__ == "__main__":
    main()
