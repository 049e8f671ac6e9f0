"""Migrations: all or nothing, one migrator at a time, and no process on a database that is not its
own."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from core.database import parse_url
from core.manifest import Manifest, discover
from core.processes.embedded import DatabaseUrls
from core.processes.migrate import MigrationError, check, drift, migrate
from tests.conftest import ROOT, Databases

MODELS = """
from tortoise import fields
from tortoise.models import Model


class First(Model):
    id = fields.IntField(primary_key=True)

    class Meta:
        table = "extra_first"
"""
FIRST = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True
    operations = [
        ops.CreateModel(
            name="First",
            fields=[("id", fields.IntField(primary_key=True))],
            options={"table": "extra_first", "app": "extra", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
"""
SECOND = """
import os, signal
from tortoise import migrations
from tortoise.migrations import operations as ops


def die(apps, editor):
    os.kill(os.getpid(), signal.SIGKILL)


class Migration(migrations.Migration):
    dependencies = [("extra", "0001_initial")]
    operations = [{operation}]
"""
MIGRATE = """
import asyncio, sys
from core.manifest import Manifest, discover
from core.processes.migrate import migrate
extra = Manifest(name="extra", package="extra", rooms=("models",), migrations="migrations")
wings = (*discover(), extra)
for name in asyncio.run(migrate(sys.argv[1], sys.argv[2], wings)):
    print(name)
"""
EXTRA = Manifest(name="extra", package="extra", rooms=("models",), migrations="migrations")


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[DatabaseUrls]:
    """A database without a table."""
    urls = await databases.create_empty()
    yield urls
    await databases.drop(urls)


def _write_extra(folder: Path, *, second: str | None = None) -> None:
    """The package `extra`: one table, and a second migration that does as told."""
    migrations = folder / "extra" / "migrations"
    migrations.mkdir(parents=True)
    (folder / "extra" / "__init__.py").write_text("")
    (folder / "extra" / "models.py").write_text(MODELS)
    (migrations / "__init__.py").write_text("")
    (migrations / "0001_initial.py").write_text(FIRST)
    if second is not None:
        (migrations / "0002_second.py").write_text(SECOND.format(operation=second))


def _migrator(folder: Path, urls: DatabaseUrls) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MIGRATE, urls.owner, urls.app],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _tables(urls: DatabaseUrls) -> list[str]:
    connection = await asyncpg.connect(**parse_url(urls.owner))
    try:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') ORDER BY 1"
        )
    finally:
        await connection.close()
    return [row["relname"] for row in rows]


async def test_the_first_run_applies_everything_and_the_second_nothing(
    empty: DatabaseUrls, manifests: Sequence[Manifest]
) -> None:
    applied = await migrate(empty.owner, empty.app, manifests)
    assert {"core.0001_initial", "identity.0001_initial"} <= set(applied)
    assert {"core_access_log", "identity_citizen", "pgqueuer"} <= set(await _tables(empty))
    await check(empty.app, manifests)
    assert await migrate(empty.owner, empty.app, manifests) == []


@pytest.mark.parametrize(
    ("second", "ending"),
    [
        ("ops.RunPython(die)", -signal.SIGKILL),
        ("ops.RunSQL('CREATE TABLE extra_second (id int); SELECT 1 / 0;')", 1),
    ],
    ids=["killed", "failed"],
)
async def test_an_end_between_two_migrations_leaves_nothing(
    empty: DatabaseUrls, tmp_path: Path, second: str, ending: int
) -> None:
    _write_extra(tmp_path, second=second)
    migrator = _migrator(tmp_path, empty)
    _, errors = migrator.communicate(timeout=60)
    assert migrator.returncode == ending, errors
    assert await _tables(empty) == []
    applied = await migrate(empty.owner, empty.app, discover())  # and it can be done again
    assert "core.0001_initial" in applied


async def test_two_migrators_at_once_apply_each_migration_once(
    empty: DatabaseUrls, tmp_path: Path
) -> None:
    _write_extra(tmp_path)
    both = [_migrator(tmp_path, empty) for _ in range(2)]
    said = [migrator.communicate(timeout=60) for migrator in both]
    assert [migrator.returncode for migrator in both] == [0, 0], said
    lines = sorted(output.split() for output, _ in said)
    assert lines[0] == []
    assert "extra.0001_initial" in lines[1]
    assert len(lines[1]) == len(set(lines[1]))


async def test_the_latest_moment_follows_the_processes_clocks(
    database: DatabaseUrls, manifests: Sequence[Manifest]
) -> None:
    """As `quancheng up --at` has them; the application cannot say otherwise."""
    connection = await asyncpg.connect(**parse_url(database.app))
    ahead = "SELECT round(extract(epoch FROM core_latest() - clock_timestamp()))::int"
    try:
        for days in (0, 400, -400):
            await migrate(database.owner, database.app, manifests, timedelta(days=days))
            assert await connection.fetchval(ahead) == days * 86_400 + 300
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "CREATE OR REPLACE FUNCTION core_latest() RETURNS timestamptz LANGUAGE sql"
                " RETURN 'infinity'::timestamptz"
            )
    finally:
        await connection.close()


async def test_a_database_from_newer_code_is_refused(
    database: DatabaseUrls, tmp_path: Path, manifests: Sequence[Manifest]
) -> None:
    connection = await asyncpg.connect(**parse_url(database.owner))
    await connection.execute(
        "INSERT INTO tortoise_migrations (app, name, applied_at)"
        " VALUES ('core', '9999_from_the_future', now())"
    )
    await connection.close()
    for attempt in (check(database.app, manifests), migrate(database.owner, "", manifests)):
        with pytest.raises(MigrationError, match=r"newer.*core\.9999_from_the_future"):
            await attempt


async def test_an_empty_and_an_older_database_are_refused(
    empty: DatabaseUrls,
    database: DatabaseUrls,
    tmp_path: Path,
    manifests: Sequence[Manifest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(MigrationError, match="empty: run `quancheng migrate`"):
        await check(empty.app, manifests)
    _write_extra(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MigrationError, match=r"1 migrations are pending \(first: extra\.0001"):
        await check(database.app, (*manifests, EXTRA))


async def test_committed_migrations_say_what_the_models_say(
    manifests: Sequence[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await drift(manifests) == []
    _write_extra(tmp_path)
    (tmp_path / "extra" / "migrations" / "0001_initial.py").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "extra"]:
        monkeypatch.delitem(sys.modules, name)
    differences = await drift((*manifests, EXTRA))
    assert len(differences) == 1
    assert differences[0].startswith("extra: ")
