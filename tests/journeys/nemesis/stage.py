"""A house to torment: its database, the way to it, its disk and its clocks are ours to spoil."""

import asyncio
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import psutil
from journeys.house import ROOT, House
from journeys.nemesis.clocks import Clocks
from journeys.nemesis.proxy import DatabaseProxy

from core.errors import StartError
from core.manifest import discover
from core.processes.embedded import EmbeddedPostgres
from tests.cluster import copy_cluster

PASSWORD = "canary-of-the-database"
"""In the database's address; the server trusts whoever reaches its socket."""

_DISK_BYTES = 1_200_000_000
_FILL_STEPS = (1 << 20, 1 << 12)


class Database:
    """The server of a data folder, started again when it dies, as `quancheng up` would.

    From a thread of its own, because the server ends with the thread that started it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._server = EmbeddedPostgres(data_dir, durable=False)
        self._is_over = False
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="database", daemon=True)

    def start(self) -> None:
        """Returns when it answers."""
        self._thread.start()
        assert self._is_up.wait(60), "the database did not start"

    def stop(self) -> None:
        """For good."""
        self._is_over = True
        self._thread.join()

    @property
    def processes(self) -> Sequence[psutil.Process]:
        """The postmaster first, then all that it has started."""
        pid = self._server.pid
        with suppress(psutil.NoSuchProcess):
            if pid is not None:
                postmaster = psutil.Process(pid)
                return [postmaster, *postmaster.children(recursive=True)]
        return []

    def _keep(self) -> None:
        while not self._is_over:
            if not self._server.is_running:
                with suppress(StartError):  # a disk that is still full: once more
                    self._server.start()
                    self._is_up.set()
            time.sleep(0.1)
        self._server.stop()


class Stage(House):
    """A running house with one process of each kind."""

    def __init__(self, folder: Path, clocks: Clocks, proxy: DatabaseProxy, tree: Path) -> None:
        super().__init__(folder, tree=tree)
        self.clocks = clocks
        self.proxy = proxy
        self.database = Database(self.data_dir)
        self.has_own_disk = os.path.ismount(self.data_dir)

    @property
    def environment(self) -> Mapping[str, str]:
        """Every process reaches the database through the proxy, and has a clock that moves."""
        host = quote(str(self.proxy.folder), safe="")
        urls = {
            f"DATABASE_{name}": f"postgresql://quancheng_{role}:{PASSWORD}@/quancheng?host={host}"
            for name, role in (("URL", "app"), ("OWNER_URL", "owner"))
        }
        # a moment's readiness is what a run looks at: nobody else keeps the rates here
        return {**super().environment, **urls, **self.clocks.environment, "RATE_ADDRESS": "0"}

    def processes_of(self, name: str) -> list[psutil.Process]:
        """The running processes of a kind; of postgres the postmaster alone."""
        if name == "postgres":
            return list(self.database.processes[:1])
        return super().processes_of(name)

    def pause(self, processes: Sequence[psutil.Process]) -> None:
        """SIGSTOP, as a machine that swaps or a debugger does."""
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def wake(self, processes: Sequence[psutil.Process]) -> None:
        """SIGCONT."""
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    @property
    def filler(self) -> Path:
        """The file that takes the room; without it there is room again."""
        return self.data_dir / "full"

    def fill_disk(self) -> None:
        """Take the last block of the house's disk."""
        with self.filler.open("ab") as file:
            for size in _FILL_STEPS:
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)

    def log_bytes(self) -> Mapping[str, int]:
        """What each of our processes has written to its log."""
        return {name: path.stat().st_size for name, path in self.logs().items() if path.exists()}

    def logs(self) -> Mapping[str, Path]:
        """The logs of our processes, and the supervisor's output."""
        folder = self.data_dir / "log"
        return {name: folder / f"{name}.log" for name in ("api", "worker", "sandbox", "seed")} | {
            "up": self._log
        }


@asynccontextmanager
async def stage(tree: Path = ROOT) -> AsyncIterator[Stage]:
    """A house of `tree` on a disk of its own where this machine lets us mount one."""
    built = _stage(tree)
    house = await asyncio.to_thread(built.__enter__)
    try:
        yield house
    finally:
        await asyncio.to_thread(built.__exit__, None, None, None)


@contextmanager
def _stage(tree: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        # short: the path of a unix socket has 103 characters
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="nemesis-")))
        folder.chmod(0o711)
        data_dir, steps, sockets = (folder / name for name in ("data", "steps", "sockets"))
        for path in (data_dir, steps, sockets):
            path.mkdir()
        stack.enter_context(_disk(data_dir))
        copy_cluster(data_dir, discover())
        clocks = Clocks(steps)
        proxy = stack.enter_context(DatabaseProxy(sockets, data_dir / "postgres"))
        house = Stage(folder, clocks, proxy, tree)
        house.database.start()
        stack.callback(house.database.stop)
        stack.enter_context(house)
        yield house


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """A small disk at a folder; the machine's own where it may not be mounted."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    if mount is None or umount is None or subprocess.run(command, capture_output=True).returncode:
        yield
        return
    try:
        yield
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True, capture_output=True)
