"""What holds in one process holds in all: each is started as its command and fails once.

Its first line on standard error must be one masked JSON line without anybody's data in it.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.context.app import App
from core.database import parse_url, transaction
from core.processes.migrate import MIGRATIONS_TABLE
from core.processes.settings_table import environment_of
from core.settings import Settings
from tests.conftest import ROOT
from tests.core.waiting import eventually
from tests.jobs import enqueue_raw
from tests.messages import send_code
from tests.sandbox.serving import free_port

NAME, PHONE, RESIDENT_ID, CODE = "欧阳海燕", "13912345678", "37010219900307012X", "654070"
PASSWORD = "geheim-1234"
ERRORS = ("error", "critical")
SECRETS = (NAME, PHONE, RESIDENT_ID, CODE, PASSWORD)

PLANTED = f"""
import os, sys
import core.processes.cli, typer
from core.manifest import load

def fail(*_arguments, **_options):
    name, phone, code, url = {NAME!r}, {PHONE!r}, {CODE!r}, {f"postgresql://app:{PASSWORD}@db/city"!r}
    raise ValueError(f"no {{name}} with {{phone}}, {RESIDENT_ID}, code {{code}} at {{url}}")

commands = []
def plant(command, words):
    for name, child in getattr(command, "commands", {{}}).items():
        plant(child, [*words, name])
    if command.callback is not None and not getattr(command, "commands", None):
        command.callback, command.params = fail, []
        commands.append(words)

root = typer.main.get_command(core.processes.cli.app)
for name, path in core.processes.cli._contributed().items():
    root.commands[name] = typer.main.get_command(load(f"{{path}}:app"))
plant(root, [])
core.processes.cli.app = root
for words in commands:
    sys.stdout.write(" ".join(words) + "\\n")
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        sys.argv = ["quancheng", *words]
        try:
            core.processes.cli.main()
        except SystemExit as end:
            os._exit(end.code)
        os._exit(99)
    _, status = os.waitpid(child, 0)
    os.write(2, b"exit %d\\n" % os.waitstatus_to_exitcode(status))
"""


def test_every_command_that_fails_says_so_in_one_masked_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLANTED],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    commands, lines = done.stdout.splitlines(), done.stderr.splitlines()
    assert {"api", "worker", "sandbox", "migrate", "seed", "keys status", "jobs list"} <= set(
        commands
    )
    assert len(commands) > 25
    assert len(lines) == 2 * len(commands), done.stderr
    for command, line, ending in zip(commands, lines[::2], lines[1::2], strict=True):
        entry = json.loads(line)
        assert entry["event"] == "command failed", command
        assert "ValueError: no <zh> with <phone>, <resident>, code <number>" in entry["exception"]
        assert not [secret for secret in SECRETS if secret in line], command
        assert ending == "exit 1", command


@contextmanager
def process(
    command: str, log: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours as an operator starts it, its output in a file."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "core.processes.cli", command],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(15)
        finally:
            running.kill()
            running.wait()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def until(url: str) -> str:
    """What an address answers as soon as it answers 200."""
    answers: list[str] = []

    async def is_there() -> bool:
        try:
            status, text = await asyncio.to_thread(get, url)
        except OSError:
            return False
        if status == 200:
            answers.append(text)
        return status == 200

    await eventually(is_there, within_s=60, what=url)
    return answers[-1]


async def first_error(log: Path, *levels: str) -> dict[str, Any]:
    """The first line of a log of one of the levels; every line before it must be JSON too."""
    entries: list[dict[str, Any]] = []

    async def has_come() -> bool:
        lines = map(json.loads, lines_of(log))
        entries[:] = [line for line in lines if line["level"] in levels]
        return bool(entries)

    await eventually(has_come, within_s=60, what="a line in the log")
    return entries[0]


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines()


@pytest.fixture
async def variables(settings: Settings) -> dict[str, str]:
    """The environment of a process on the test's database, its ports free."""
    assert settings.database_url is not None and settings.owner_url is not None
    owner = await asyncpg.connect(**parse_url(settings.owner_url))
    # the tests' database has the example module too, which a process would call newer than itself
    await owner.execute(f"DELETE FROM {MIGRATIONS_TABLE} WHERE app = 'example'")
    await owner.close()
    ports = {name: str(free_port()) for name in ("PORT", "METRICS_PORT", "SANDBOX_PORT")}
    chosen = environment_of(settings) | ports
    chosen["DATABASE_URL"] = _with_password(settings.database_url)
    return chosen


def _with_password(url: str) -> str:
    return url.replace("quancheng_app@", f"quancheng_app:{PASSWORD}@")


def assert_clean(log: Path) -> None:
    text = log.read_text()
    assert not [secret for secret in SECRETS if secret in text], text
    assert "database_url" not in text


async def test_a_worker_s_first_failed_job(
    app: App, variables: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    async with transaction() as tx:  # nothing listens at the gateway's address
        await send_code(app, tx, PHONE, f"{CODE},{NAME}", "first")
    await enqueue_raw(app, "payments.check", {"intent_id": PHONE, "name": NAME})
    with process("worker", log, variables):
        operators = f"http://127.0.0.1:{variables['METRICS_PORT']}"
        assert await until(f"{operators}/readyz") == "ready"
        entry = await first_error(log, "warning", *ERRORS)
        assert entry["logger"] in ("core.upstream.client", "core.processes.lane")
        metrics = await until(f"{operators}/metrics")
        assert 'quancheng_job_seconds_count{kind="payments.check"' in metrics
        assert 'quancheng_jobs_oldest_due_seconds{lane="critical"}' in metrics
        assert "quancheng_event_loop_lag_seconds_count" in metrics
    assert_clean(log)
    failed = [json.loads(line) for line in lines_of(log) if "job failed" in line]
    unexpected = [entry for entry in failed if entry["kind"] == "payments.check"]
    assert "Input should be a valid UUID" in unexpected[0]["exception"]
    assert sum(map(len, lines_of(log))) < 20_000


async def test_an_api_s_first_broken_request(
    app: App, variables: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "api.log"
    assert app.settings.owner_url is not None
    owner = await asyncpg.connect(**parse_url(app.settings.owner_url))
    await owner.execute("ALTER TABLE identity_login_code RENAME TO gone")
    await owner.close()
    with process("api", log, variables):
        citizens = f"http://127.0.0.1:{variables['PORT']}"
        assert await until(f"{citizens}/readyz") == "ready"
        assert (await asyncio.to_thread(get, f"{citizens}/metrics"))[0] == 404
        query = f"""mutation {{ requestLoginCode(phone: "{PHONE}", idempotencyKey: "key-00001")
          {{ __typename }} }}"""
        request = urllib.request.Request(
            f"{citizens}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        await asyncio.to_thread(urllib.request.urlopen, request)
        entry = await first_error(log, *ERRORS)  # a feed that is read ahead may warn
        assert entry["event"] == "resolver failed"
        assert "UndefinedTableError" in entry["exception"]
        operators = f"http://127.0.0.1:{variables['METRICS_PORT']}"
        assert "quancheng_graphql_seconds" in await until(f"{operators}/metrics")
    assert_clean(log)


async def test_a_sandbox_s_first_broken_request(variables: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "sandbox.log"
    with process("sandbox", log, variables):
        address = f"http://127.0.0.1:{variables['SANDBOX_PORT']}"
        await until(f"{address}/_control/healthz")
        with sqlite3.connect(Path(variables["DATA_DIR"]) / "sandbox.sqlite3") as state:
            for (table,) in state.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sms%'"
            ).fetchall():
                state.execute(f"ALTER TABLE {table} RENAME TO gone_{table}")
        state.close()
        body = {"message_ref": "a", "phone": PHONE, "text": f"{CODE} {NAME}"}
        request = urllib.request.Request(
            f"{address}/sms/messages",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError):
            await asyncio.to_thread(urllib.request.urlopen, request)
        entry = await first_error(log, "warning", *ERRORS)
        assert "OperationalError: no such table" in entry["exception"]
    assert_clean(log)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
async def test_a_worker_outlives_a_full_disk(app: App, variables: dict[str, str]) -> None:
    await enqueue_raw(app, "payments.check", {"intent_id": "no id"}, 5)
    with process("worker", Path("/dev/full"), variables) as running:
        operators = f"http://127.0.0.1:{variables['METRICS_PORT']}"

        async def has_failed() -> bool:
            return 'outcome="retried"' in await until(f"{operators}/metrics")

        await eventually(has_failed, within_s=60, what="a failed job")
        assert running.poll() is None
    assert running.returncode == 0


def test_a_level_is_heeded_by_every_command(tmp_path: Path) -> None:
    code = (
        "from core.processes.wiring import wire; import structlog; "
        "wire(); structlog.get_logger().info('x')"
    )
    for level, lines in (("error", 0), ("INFO", 1), ("nonsense", 1)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "LOG_LEVEL": level},
            capture_output=True,
            text=True,
        )
        assert len(done.stderr.splitlines()) == lines, done.stderr
