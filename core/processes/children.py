"""Child processes that never outlive their parent, and that come back when they die."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.security.private_files import open_private_log, private_file

_PR_SET_PDEATHSIG = 1
_FIRST_DELAY_S, _MAX_DELAY_S = 0.2, 5.0
_STEADY_AFTER_S = 10.0
LOG_MAX_BYTES = 10_000_000

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def dying_with_parent(signal_number: int) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel signal the child when the thread that made it ends.

    Linux only; elsewhere it does nothing. Children are therefore started by the main thread.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal_number)
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return ask_kernel


@dataclass
class Child:
    """One supervised process: `command` with `environment`, its output appended to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    failures: int = 0
    process: subprocess.Popen[bytes] | None = None
    _started_s: float = field(default=0.0, repr=False)
    _restart_s: float = field(default=0.0, repr=False)
    _log_start: int = field(default=0, repr=False)

    def start(self) -> None:
        """Start the process in a session of its own: Ctrl-C reaches the parent alone."""
        rotate(self.log)
        with open_private_log(self.log) as output:
            self._log_start = output.tell()
            self.process = subprocess.Popen(  # noqa: S603
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        self._started_s = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def note_death(self) -> float:
        """Plan the restart of a dead child; returns the delay (s), doubled for quick deaths."""
        now = time.monotonic()
        steady = now - self._started_s > _STEADY_AFTER_S
        self.failures = 1 if steady else self.failures + 1
        delay_s = min(_FIRST_DELAY_S * 2.0 ** min(self.failures - 1, 10), _MAX_DELAY_S)
        self._restart_s = now + delay_s
        self.process = None
        return delay_s

    @property
    def is_due(self) -> bool:
        """Whether a dead child's delay is over."""
        return self.process is None and time.monotonic() >= self._restart_s

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.process.poll() if self.process is not None else None
        if code is None:
            return "is running" if self.process is not None else "is not running"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"exited with code {code}"

    def cut_log(self) -> None:
        """Keep the log of a process that runs for long from growing without end."""
        if cut(self.log):
            self._log_start = 0

    def last_words(self, lines: int = 20) -> str:
        """The end of what this run has written to the log."""
        return tail(self.log, lines, start=self._log_start)


def stop(
    children: Sequence[Child], *, grace_s: float, is_impatient: Callable[[], bool] = lambda: False
) -> None:
    """SIGTERM to all at once, and after `grace_s` seconds (or impatience) SIGKILL to the rest."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + grace_s
    while any(process.poll() is None for process in running):
        if time.monotonic() > deadline or is_impatient():
            break
        time.sleep(0.02)
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet: the group is still its own
            process.wait()


def rotate(log: Path) -> None:
    """Keep a log of the previous starts from growing without end: one older file beside it."""
    if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
        log.replace(_older(log))


def cut(log: Path) -> bool:
    """Set a log aside that its process still writes; True where it had grown too large.

    The process appends, so it goes on at the new end; a line written just now may be lost.
    """
    if not log.exists() or log.stat().st_size <= LOG_MAX_BYTES:
        return False
    with suppress(OSError):  # a full disk: then the room is worth more than the old lines
        shutil.copyfile(log, private_file(_older(log)))
    os.truncate(log, 0)
    return True


def _older(log: Path) -> Path:
    return log.with_suffix(".log.1")


def tail(log: Path, lines: int, *, start: int = 0) -> str:
    """The last lines of a file after byte `start`; empty when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - 65_536))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
