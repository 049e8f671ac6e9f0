"""The whole house as its own processes, for journeys: `quancheng up` on free ports and a folder.

Everything goes over HTTP; the database is opened only to look.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import psutil

from core.clock import SystemClock
from core.database import parse_url
from core.processes.embedded import database_urls
from tests.sandbox.serving import free_ports

ROOT = Path(__file__).resolve().parents[2]
_READY_WITHIN_S = 300.0
"""Patience, not a promise: two suites beside one another start their houses at once."""


class House:
    """A running city: supervisor, database, sandbox, `apis` API and `workers` worker processes.

    Its clock begins at `at`, or is the machine's; its code is that of `tree`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        apis: int = 1,
        workers: int = 1,
        at: datetime | None = None,
        tree: Path = ROOT,
    ) -> None:
        self._offset_s = round((at - SystemClock().now()).total_seconds()) if at else 0
        self.clock = SystemClock(timedelta(seconds=self._offset_s))
        self.data_dir = folder / "data"
        self._log = folder / "up.log"
        self._tree = tree
        self._apis = apis
        self._workers = workers
        self._port = free_ports(2 * apis + 1 + workers)
        self.api_urls = [f"http://127.0.0.1:{self._port + n}" for n in range(apis)]
        self.sandbox_url = f"http://127.0.0.1:{self._port + apis}"
        first = self._port + apis + 1
        self.operator_urls = [f"http://127.0.0.1:{first + n}" for n in range(apis + workers)]
        """Of the APIs, then of the workers."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that every command of this house runs with."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATABASE_", "SANDBOX_"))}
        return clean | {
            "DATA_DIR": str(self.data_dir),
            "CLOCK_OFFSET_S": str(self._offset_s),
            "PORT": str(self._port),
            "SANDBOX_PORT": str(self._port + self._apis),
            "METRICS_PORT": str(self._port + self._apis + 1),
            "PYTHONPATH": str(self._tree),
            # one person sends in a minute what the tests send; `tests/bff` holds the rates
            "RATE_PERSON": "0",
            "RATE_DEVICE": "0",
            # what a house spends is its tests' own; `tests/bff/probe` asks all services
            "PROBE_EVERY_S": "0",
        }

    def start(self) -> None:
        """Start and wait until every API is ready."""
        command = [sys.executable, "-m", "core.processes.cli", "up"]
        command += ["--apis", str(self._apis), "--workers", str(self._workers)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._tree, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while not all(is_ready(url) for url in self.api_urls):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(self._log.read_text())
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop as an operator does, with SIGTERM."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a `quancheng` command in this house."""
        return subprocess.run(
            [sys.executable, "-m", "core.processes.cli", *arguments],
            cwd=self._tree,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def kill(self, name: str) -> bool:
        """`kill -9` of the first running process of a kind: api, worker, sandbox or postgres.

        False where none runs at the moment.
        """
        for process in self.processes_of(name)[:1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
                return True
        return False

    def processes_of(self, name: str) -> list[psutil.Process]:
        """The running processes of a kind; of postgres the postmaster alone."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if self._is(process, name):
                    found.append(process)
        return found

    def processes(self) -> list[psutil.Process]:
        """The supervisor's children and theirs."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def _is(self, process: psutil.Process, name: str) -> bool:
        command = process.cmdline()
        if name == "postgres":
            return bool(command) and command[0].endswith("postgres") and "-D" in command
        return command[-1:] == [name] and "core.processes.cli" in command

    async def query(self, sql: str, *values: object) -> list[Mapping[str, Any]]:
        """Look into the database as its administrator."""
        connection = await asyncpg.connect(**parse_url(database_urls(self.data_dir).admin))
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()


def is_ready(url: str) -> bool:
    """Whether an API says it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
