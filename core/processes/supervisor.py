"""`quancheng up`: the whole house on one machine, started in order, kept alive, stopped clean."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from rich.console import Console

from core.errors import ERROR_PREFIX, StartError
from core.processes import children, preflight, probe
from core.processes.children import Child
from core.processes.embedded import EmbeddedPostgres, with_urls
from core.processes.locks import FolderLock
from core.processes.settings_table import environment_of
from core.processes.welcome import welcome
from core.security.keys import ensure_sandbox_keys, load_keys
from core.settings import Settings

_READY_WITHIN_S = 90.0
_GRACE_S = 12.0
_TICK_S = 0.1
_SHORT_TICK_S = 0.02
_DATABASE_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many processes of each kind. APIs listen on PORT, PORT+1 and so on."""

    apis: int = 1
    workers: int = 1
    sandbox: bool = True


class _StopRequested(Exception):
    """SIGINT, SIGTERM or SIGHUP arrived."""


def product_command(name: str) -> Sequence[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", "core.processes.cli", name]


class Supervisor:
    """Runs a plan until it is told to stop. For the main thread: it takes over the signals."""

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        console: Console,
        command_of: Callable[[str], Sequence[str]] = product_command,
    ) -> None:
        self._settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
        production = settings.is_production
        self._plan = Plan(plan.apis, plan.workers, plan.sandbox and not production)
        self._console = console
        self._command_of = command_of
        self._lock = FolderLock(self._settings.data_dir / "lock")
        self._server: EmbeddedPostgres | None = None
        self._database_retry_s = 0.0
        self._children: list[Child] = []
        self._is_stopping = False
        self._is_impatient = False

    def run(self) -> None:
        """Start everything, stay until a signal comes, stop everything.

        Raises StartError when something refuses to start; nothing runs any more then.
        """
        self._refuse()
        with self._signals():
            try:
                self._start()
                welcome(self._console, self._settings, apis=self._ports, sandbox=self._plan.sandbox)
                self._watch()
            except _StopRequested:
                self._console.print("stopping …")
            finally:
                self._stop()

    @property
    def _ports(self) -> Sequence[int]:
        return range(self._settings.port, self._settings.port + self._plan.apis)

    def _doors(self) -> Iterator[preflight.Door]:
        apis, settings = self._plan.apis, self._settings
        for number in range(apis):
            yield from preflight.api_doors(settings, number)
        for number in range(apis, apis + self._plan.workers):
            yield from preflight.operators_doors(settings, number)
        if self._plan.sandbox:
            yield from preflight.sandbox_doors(settings)

    def _refuse(self) -> None:
        settings = self._settings
        preflight.require_production_ready(settings)
        self._lock.require_free()
        preflight.require_free_doors(self._doors())
        if settings.database_url is not None:
            preflight.require_database(settings.database_url, "DATABASE_URL")
        if settings.database_owner_url is not None:
            preflight.require_database(settings.database_owner_url, "DATABASE_OWNER_URL")
        self._lock.acquire()

    def _start(self) -> None:
        settings = self._settings
        if not settings.is_production:
            ensure_sandbox_keys(settings.keys_path)
        load_keys(settings.keys_path)
        if settings.database_url is None:
            self._server = EmbeddedPostgres(settings.data_dir)
            with self._step("database"):
                self._settings = with_urls(settings, self._server.start(self._tick))
        if not settings.is_production:
            for name in ("migrate", "seed"):
                with self._step(name):
                    self._run_to_end(name)
        with self._step("processes"):
            self._start_processes()

    def _start_processes(self) -> None:
        settings = self._settings
        ready = []
        if self._plan.sandbox:
            sandbox = self._add_child("sandbox", "sandbox")
            address = f"127.0.0.1:{settings.sandbox_port}"
            ready.append((sandbox, address, "/_control/healthz"))
        for number in range(self._plan.workers):
            ports = self._ports_of("METRICS_PORT", settings.metrics_port, self._plan.apis + number)
            self._add_child(_numbered("worker", number + 1), "worker", **ports)
        for number, port in enumerate(self._ports):
            ports = {"PORT": str(port)}
            ports |= self._ports_of("HTTP2_PORT", settings.http2_port, number)
            ports |= self._ports_of("METRICS_PORT", settings.metrics_port, number)
            api = self._add_child(_numbered("api", number + 1), "api", **ports)
            ready.append((api, f"{probe.local_host(settings.host)}:{port}", "/readyz"))
        deadline = time.monotonic() + _READY_WITHIN_S
        while ready:
            ready = [entry for entry in ready if not probe.answers(entry[1], entry[2])]
            self._refuse_dead()
            if time.monotonic() > deadline:
                raise self._explained(ready[0][0], f"was not ready in {_READY_WITHIN_S:.0f} s")
            self._tick(_TICK_S)

    @staticmethod
    def _ports_of(variable: str, first: int, number: int) -> dict[str, str]:
        """The variable that gives a process the `number`-th port from a first; 0 = none."""
        return {variable: str(first + number)} if first else {}

    def _add_child(self, name: str, command: str, **variables: str) -> Child:
        child = Child(
            name,
            self._command_of(command),
            self._environment(command) | variables,
            self._settings.data_dir / "log" / f"{name}.log",
        )
        child.start()
        self._children.append(child)
        return child

    def _environment(self, command: str) -> dict[str, str]:
        """Our own environment with the settings in it; each process gets only what is its own."""
        variables = os.environ | environment_of(self._settings) | {"PYTHONUNBUFFERED": "1"}
        if command != "migrate":
            variables.pop("DATABASE_OWNER_URL", None)
        if command == "sandbox":
            variables.pop("DATABASE_URL", None)
            variables["SANDBOX_CLOCK_OFFSET_S"] = str(self._settings.clock_offset_s)
            variables["SANDBOX_KEYS_DIR"] = str(self._settings.keys_path)
            variables["SANDBOX_STATE"] = str(self._settings.data_dir / "sandbox.sqlite3")
        return variables

    def _run_to_end(self, command: str) -> None:
        child = self._add_child(command, command)
        while child.is_running:
            self._tick(_SHORT_TICK_S)
        if child.process is not None and child.process.returncode != 0:
            raise self._explained(child, child.ending)
        self._children.remove(child)

    def _refuse_dead(self) -> None:
        for child in self._children:
            if not child.is_running:
                raise self._explained(child, child.ending)

    def _explained(self, child: Child, ending: str) -> StartError:
        """The child's own refusal, or how it ended with the end of its log printed above."""
        words = child.last_words()
        last = words.rpartition("\n")[2]
        if last.startswith(ERROR_PREFIX):
            return StartError(last.removeprefix(ERROR_PREFIX))
        self._console.print(words, markup=False, highlight=False)
        return StartError(f"{child.name} {ending}; its log is {child.log}")

    def _watch(self) -> None:
        while True:
            self._watch_database()
            for child in self._children:
                child.cut_log()
                if child.is_due:
                    child.start()
                elif child.process is not None and not child.is_running:
                    ending = child.ending
                    delay_s = child.note_death()
                    self._say(f"{child.name} {ending}; starting it again in {delay_s:.1f} s")
            self._tick(_TICK_S)

    def _watch_database(self) -> None:
        server = self._server
        if server is not None:
            server.cut_log()
        if server is None or server.is_running or time.monotonic() < self._database_retry_s:
            return
        self._say("the database ended; starting it again")
        try:
            server.start(self._tick)
        except StartError as error:
            self._database_retry_s = time.monotonic() + _DATABASE_RETRY_S
            self._say(f"{error}; trying again in {_DATABASE_RETRY_S:.0f} s")

    def _tick(self, length_s: float) -> None:
        """Wait a little, and end the waiting with _StopRequested once a signal came."""
        if self._is_stopping:
            raise _StopRequested
        time.sleep(length_s)

    def _stop(self) -> None:
        """Processes first, then the city they may still call, then the database."""
        self._is_stopping = True
        city = [child for child in self._children if child.name == "sandbox"]
        others = [child for child in self._children if child not in city]
        for group in (others, city):
            children.stop(group, grace_s=_GRACE_S, is_impatient=lambda: self._is_impatient)
        if self._server is not None:
            self._server.stop()
        self._lock.release()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal ends the next waiting, those after it shorten the stopping.

        Nothing is raised here: between a fork and the note of its number the child would be lost,
        and inside a fork's hooks Python drops what is raised.
        """

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self._is_impatient = self._is_stopping
            self._is_stopping = True

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # started by nohup
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started_s = time.monotonic()
        with self._console.status(f"{name} …"):
            yield
        elapsed_s = time.monotonic() - started_s
        self._console.print(f"[green]✓[/] {name} [dim]{elapsed_s:.1f} s[/]", highlight=False)

    def _say(self, line: str) -> None:
        self._console.print(f"[yellow]![/] {line}", highlight=False)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
