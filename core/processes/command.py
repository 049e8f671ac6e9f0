"""What a command needs open while it runs: checked settings, a current database, the whole App."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from core.errors import AppError, StartError
from core.manifest import discover
from core.settings import Settings, read_settings
from core.texts import Locale

if TYPE_CHECKING:
    from core.context.app import App

T = TypeVar("T")


def startable_settings() -> Settings:
    """The settings of a process that serves, with keys where the sandbox's are allowed."""
    from core.processes.embedded import require_cluster
    from core.processes.preflight import require_production_ready
    from core.security.keys import ensure_sandbox_keys

    settings = read_settings()
    require_production_ready(settings)
    require_cluster(settings)
    if not settings.is_production:
        ensure_sandbox_keys(settings.keys_path)
    return settings


def require_current_database(settings: Settings) -> None:
    """Refuse a database that is unreachable, or not exactly at this code's migrations.

    Raises StartError. Not for a running event loop.
    """
    from core.processes.migrate import MigrationError, check
    from core.processes.preflight import require_database

    assert settings.database_url is not None
    require_database(settings.database_url, "DATABASE_URL")
    try:
        asyncio.run(check(settings.database_url, discover()))
    except MigrationError as error:
        raise StartError(str(error)) from error


def require_app(settings: Settings) -> None:
    """Open the whole App, as a process that serves will, and close it. Raises StartError.

    Not for a running event loop.
    """
    from core.processes.open_app import open_app

    async def opened() -> None:
        async with open_app(settings, application="quancheng start"):
            pass

    asyncio.run(opened())


def in_app(name: str, action: Callable[["App"], Awaitable[T]]) -> T:
    """Run a command with the whole App open; `name` is what the database calls its connections.

    Raises StartError where something refuses, the domain's own refusals included.
    """
    from core.processes.embedded import database
    from core.processes.open_app import open_app

    async def opened(settings: Settings) -> T:
        async with open_app(settings, application=f"quancheng {name}") as app:
            return await action(app)

    with database(startable_settings()) as ready:
        require_current_database(ready)
        try:
            return asyncio.run(opened(ready))
        except AppError as refusal:
            raise StartError(refusal.say(Locale.EN)) from refusal


def in_database(name: str, action: Callable[[], Awaitable[T]]) -> T:
    """Run a command with a small connection pool open and nothing else. Raises StartError."""
    from core.database import pool
    from core.processes.embedded import database

    async def connected(url: str) -> T:
        await pool.connect(url, discover(), pool_size=2, application=f"quancheng {name}")
        try:
            return await action()
        finally:
            await pool.disconnect()

    with database(read_settings()) as ready:
        require_current_database(ready)
        assert ready.database_url is not None
        return asyncio.run(connected(ready.database_url))
