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
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

from core.errors import StartError
from core.manifest import discover, load
from core.processes.command import (
    in_app,
    require_app,
    require_current_database,
    startable_settings,
)
from core.processes.memory import prepare_memory
from core.processes.wiring import exit_code_of, wire
from core.rooms import require_module
from core.settings import read_settings

if TYPE_CHECKING:
    from core.context.app import App
    from core.settings import Settings


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
            wing = load(f"{_contributed()[name]}:app")
            wing._add_completion = False  # it would complete `quancheng` as if the wing were all
            command = typer.main.get_command(wing)
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
    console = Console()
    Supervisor(read_settings(), Plan(apis, workers, sandbox), console).run()


@app.command()
def api() -> None:
    """Serve the API on HOST and PORT."""
    settings = startable_settings()  # wrong ones are refused before much is loaded

    from core.processes.embedded import database
    from core.processes.preflight import api_doors, require_free_doors
    from core.processes.serve import serve

    require_free_doors(api_doors(settings))
    with database(settings) as ready:
        require_current_database(ready)
        require_app(ready)  # what refuses says so in one line, not in the server's log
        _publish(ready)
        application = load("bff.app:create_app")
        serve(application, ready.host, ready.port, ready.http2_port, ready.shutdown_notice_s)


@app.command()
def worker() -> None:
    """Run queued and scheduled jobs."""
    import uvloop

    from core.processes.embedded import database
    from core.processes.preflight import operators_doors, require_free_doors

    settings = startable_settings()
    require_free_doors(operators_doors(settings))
    with database(settings) as ready:
        require_current_database(ready)
        uvloop.run(_work(ready))


@app.command()
def sandbox() -> None:
    """Serve the sandbox city on SANDBOX_PORT."""
    from core.processes.preflight import require_free_doors, sandbox_doors
    from core.processes.serve import serve
    from core.security.keys import ensure_sandbox_keys

    settings = read_settings()
    if settings.is_production:
        raise StartError("production does not run the sandbox city")
    require_free_doors(sandbox_doors(settings))
    ensure_sandbox_keys(settings.keys_path)
    os.environ.setdefault("SANDBOX_CLOCK_OFFSET_S", str(settings.clock_offset_s))
    os.environ.setdefault("SANDBOX_KEYS_DIR", str(settings.keys_path))
    os.environ.setdefault("SANDBOX_API_URL", settings.base_url)
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
    settings = read_settings()

    from core.processes import migrate
    from core.processes.embedded import database

    manifests = discover()
    if check_drift:
        if differences := asyncio.run(migrate.drift(manifests)):
            raise StartError(f"models without a migration: {'; '.join(differences)}")
    elif write:
        _print_lines(asyncio.run(migrate.write_migrations(manifests)))
    else:
        with database(settings, create=True) as ready:
            _require_databases(ready)
            assert ready.database_url is not None and ready.owner_url is not None
            try:
                urls = (ready.owner_url, ready.database_url)
                names = migrate.migrate(*urls, manifests, ready.clock_offset)
                _print_lines([f"applied {name}" for name in asyncio.run(names)])
            except migrate.MigrationError as error:
                raise StartError(str(error)) from error


@app.command()
def seed() -> None:
    """Fill the database with what the sandbox city expects; repeat-safe."""
    if read_settings().is_production:
        raise StartError("production is not seeded with the sandbox's data")
    in_app("seed", _seed)


@app.command("settings")
def show_settings(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As docs/settings.md has it.")
    ] = False,
) -> None:
    """Show every setting: variable, value, meaning."""
    from core.processes.settings_table import markdown_table, rich_table
    from core.processes.tables import print_tables

    if markdown:
        typer.echo(markdown_table())
    else:
        print_tables(rich_table(read_settings()))


def main() -> None:
    """Run the command line; a refusal is one line on standard error and exit code 1."""
    prepare_memory()
    wire()
    try:
        app()
    except Exception as error:
        sys.exit(exit_code_of(error))


def _require_databases(settings: "Settings") -> None:
    from core.processes.preflight import require_database

    if settings.database_url is not None:
        require_database(settings.database_url, "DATABASE_URL")
    if settings.database_owner_url is not None:
        require_database(settings.database_owner_url, "DATABASE_OWNER_URL")


def _publish(settings: "Settings") -> None:
    """Let an application factory, which reads its own settings, find the database too."""
    from core.processes.settings_table import environment_of

    os.environ.update(environment_of(settings))


async def _work(settings: "Settings") -> None:
    from core.processes.memory import settle_memory
    from core.processes.open_app import open_app
    from core.processes.operators import operated
    from core.processes.worker import find_fault, work

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_app(settings, application="quancheng worker") as house,
        operated(house, find_fault),
    ):
        settle_memory()
        await work(house, stop)


async def _seed(house: "App") -> None:
    from core.context.contributions import SEEDS

    for wing, seeds in groupby(SEEDS.owned(house.manifests), lambda owned: owned[0].name):
        for _, seed in seeds:
            await seed.fill(house)
        _print_lines([f"seeded {wing}"])


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


if __name__ == "__main__":
    main()
