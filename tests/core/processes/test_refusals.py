"""Every row of the handbook's table of refusals happens: a command is started as it would fail.

All are started from one process, which has the code in memory already.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from core.context.app import App
from core.database import parse_url
from core.manifest import Manifest
from core.processes.embedded import DatabaseUrls
from core.processes.locks import FolderLock
from core.processes.migrate import MIGRATIONS_TABLE
from core.processes.settings_table import environment_of
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings
from tests.cluster import copy_cluster
from tests.conftest import ROOT, Databases
from tests.sandbox.serving import free_port

STARTS = """
import json, os, pwd, shutil, signal, sys
import core.processes.cli, core.processes.embedded, core.processes.migrate, core.processes.open_app
from core.manifest import discover

discover()
for command, variables, output, uid, has_user in json.load(sys.stdin):
    if (child := os.fork()) == 0:
        signal.alarm(60)  # one that starts after all
        os.environ.update({name: value for name, value in variables.items() if value})
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 2)
        os.setuid(uid)
        if not has_user:
            pwd.getpwnam = {}.__getitem__
            shutil.which = lambda *_, **__: None
        sys.argv = ["quancheng", *command.split()]
        try:
            core.processes.cli.main()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 99)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
SOCKET = ".s.PGSQL.5432"
_ORDINARY = 65_534


@dataclass
class Start:
    """A command and what is wrong around it."""

    command: str
    variables: dict[str, str]
    """An empty one is unset."""
    uid: int = 0
    has_user: bool = True
    """Whether the machine has, or can make, the system user that runs PostgreSQL for root."""


def rows() -> list[str]:
    """What the lines of the handbook's table say."""
    table = (ROOT / "docs/operating.md").read_text("utf-8").partition("## Refusals")[2]
    lines = [line for line in table.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return [said for line in lines for said in re.findall("`([^`]+)`", line.split(" | ")[0])]


def is_of(row: str, line: str) -> bool:
    """Whether a line is what a row says, where … stands for anything and N for a number."""
    wanted = re.sub(r"\bN\b", r"\\d+", re.escape(row).replace("…", ".+"))
    return re.match(f"quancheng: {wanted}", line) is not None


@contextmanager
def older_server(url: str, folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL 14: the real one, whose greeting a proxy changes."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / SOCKET))
        door.listen()
        door.settimeout(60)
        server = Path(parse_url(url)["host"])
        proxy = threading.Thread(target=_pass_on, args=(door, server), daemon=True)
        proxy.start()
        yield re.sub("host=[^&]*", f"host={folder}", url)
        proxy.join(10)


def _pass_on(door: socket.socket, server: Path) -> None:
    with door.accept()[0] as client, socket.socket(socket.AF_UNIX) as real:
        real.connect(str(server / SOCKET))
        answers = threading.Thread(target=_answer, args=(real, client), daemon=True)
        answers.start()
        while message := client.recv(65_536):
            real.sendall(message)
        real.shutdown(socket.SHUT_WR)
        answers.join()


def _answer(real: socket.socket, client: socket.socket) -> None:
    while message := real.recv(65_536):
        client.sendall(re.sub(rb"(server_version\0)\d\d", rb"\g<1>14", message))
    client.shutdown(socket.SHUT_WR)


async def _execute(urls: DatabaseUrls, statement: str) -> dict[str, str]:
    """Change a database as its owner; the variable that names it to a process."""
    owner = await asyncpg.connect(**parse_url(urls.owner))
    await owner.execute(f"DELETE FROM {MIGRATIONS_TABLE} WHERE app = 'example'")
    await owner.execute(statement)
    await owner.close()
    return {"DATABASE_URL": urls.app}


def _other_keys(folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o700)
    ensure_sandbox_keys(folder)
    return {"KEYS_DIR": str(folder)}


def _unreadable_key(folder: Path) -> dict[str, str]:
    variables = _other_keys(folder)
    (folder / "pii_index.key").unlink()
    (folder / "pii_index.key").mkdir()
    return variables


def _foreign_document_key(folder: Path) -> dict[str, str]:
    variables = _other_keys(folder)
    other = (folder / "wechat_merchant_private.pem").read_bytes()
    (folder / "document_signing.pem").write_bytes(other)
    return variables


def _server_without_its_log(folder: Path, manifests: Sequence[Manifest]) -> dict[str, str]:
    """A data folder whose PostgreSQL has lost its write-ahead log."""
    folder.mkdir(mode=0o755)
    copy_cluster(folder, manifests)
    for segment in (folder / "postgres/pg_wal").iterdir():
        if segment.is_file():
            segment.unlink()
    return _own_server(folder)


def _server_of_root(folder: Path) -> dict[str, str]:
    """A data folder of an ordinary user, with a PostgreSQL in it that is root's."""
    (folder / "postgres").mkdir()
    os.chown(folder, _ORDINARY, _ORDINARY)
    return _own_server(folder)


def _own_server(folder: Path) -> dict[str, str]:
    """A data folder with a PostgreSQL of its own."""
    return {"DATABASE_URL": "", "DATA_DIR": str(folder)}


@pytest.fixture
async def starts(
    app: App,
    settings: Settings,
    databases: Databases,
    manifests: Sequence[Manifest],
    tmp_path: Path,
) -> AsyncIterator[list[Start]]:
    """A start for each way to fail; the settings' database was filled under the settings' keys."""
    assert settings.database_url is not None and settings.database_owner_url is not None
    mine = DatabaseUrls(owner=settings.database_owner_url, app=settings.database_url, admin="")
    older, newer, keyed = [await databases.create() for _ in range(3)]
    empty = await databases.create_empty()
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        FolderLock(tmp_path / "held" / "lock").acquire()
        (tmp_path / "old").mkdir()
        version_14 = stack.enter_context(older_server(mine.app, tmp_path / "old"))
        ordinary = Path(stack.enter_context(TemporaryDirectory()))  # not in pytest's own: closed
        await _execute(mine, "SELECT")
        api_port = str(free_port())
        yield [
            Start("up", {"DATA_DIR": str(tmp_path / "held")}),
            Start("api", {"PORT": str(taken.getsockname()[1])}),
            Start("worker", {"DATABASE_URL": "postgresql://app:geheim@127.0.0.1:1/city"}),
            Start("worker", {"DATABASE_URL": version_14}),
            Start("worker", {"DATABASE_URL": empty.app}),
            Start("worker", _own_server(tmp_path / "nothing")),
            Start("worker", await _execute(older, _FORGET)),
            Start("worker", await _execute(newer, _FUTURE)),
            Start("worker", {"PORT": "eighty"}),
            Start("worker", {"QUANCHENG_ENV": "production"}),
            Start("worker", {"UPSTREAMS_FILE": str(tmp_path / "nowhere.toml")}),
            Start("api", {"UPSTREAMS_FILE": str(tmp_path / "nowhere.toml")}),
            Start("worker", {"CITY_FILE": str(tmp_path / "nowhere.toml")}),
            Start("api", {"CITY_FILE": str(tmp_path / "nowhere.toml")}),
            Start("api", _other_keys(tmp_path / "others")),
            Start("api", {"METRICS_PORT": api_port, "PORT": api_port}),
            Start("up", {"METRICS_PORT": api_port, "PORT": str(int(api_port) + 1)}),
            Start("worker", _unreadable_key(tmp_path / "unreadable")),
            Start("worker", _other_keys(tmp_path / "other")),
            Start("worker", _foreign_document_key(tmp_path / "foreign")),
            Start("worker", await _execute(keyed, _SECOND_KEY)),
            Start("worker", _server_without_its_log(tmp_path / "lost", manifests)),
            Start("migrate", _server_of_root(ordinary), uid=_ORDINARY),
            Start("migrate", _own_server(tmp_path / "new"), has_user=False),
        ]
    for urls in (older, newer, keyed, empty):
        await databases.drop(urls)


_FORGET = f"DELETE FROM {MIGRATIONS_TABLE} WHERE app = 'identity'"
_FUTURE = f"INSERT INTO {MIGRATIONS_TABLE} VALUES (0, 'core', '9999_from_the_future', now())"
_SECOND_KEY = "INSERT INTO core_key_proof (name, proof) VALUES ('pii_data.2', '')"


@pytest.mark.skipif(os.geteuid() != 0, reason="starts a command as somebody else: root alone can")
async def test_every_row_of_the_handbook_happens(
    starts: list[Start], settings: Settings, tmp_path: Path
) -> None:
    usual = environment_of(settings) | {"PORT": str(free_port()), "METRICS_PORT": "0"}
    outputs = [tmp_path / f"{number}.log" for number in range(len(starts))]
    cases = [
        (start.command, usual | start.variables, str(output), start.uid, start.has_user)
        for start, output in zip(starts, outputs, strict=True)
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", STARTS],
        input=json.dumps(cases),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = [output.read_text().splitlines() for output in outputs]
    assert done.stdout.split() == ["1"] * len(starts), (done.stderr, said)
    assert [len(lines) for lines in said] == [1] * len(starts), said
    lines = [line for [line] in said]
    assert not [line for line in lines if "geheim" in line]
    assert [row for row in rows() if not any(is_of(row, line) for line in lines)] == []
    assert [line for line in lines if not any(is_of(row, line) for row in rows())] == []
