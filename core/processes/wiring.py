"""What every process has before it does anything: masked logs, private files, an orderly end.

The command line calls `wire` once, for each command alike; what serves or works for long adds
`core.processes.operators` to it. Nothing here is set up by one process's own entry point.
"""

import logging
import os
import resource
import signal
import sys
import threading
import warnings
from types import FrameType, TracebackType
from typing import NoReturn, TextIO

import structlog

from core.errors import ERROR_PREFIX, StartError
from core.settings import read_settings
from core.telemetry.logging import configure

PRIVATE_UMASK = 0o077

log = structlog.get_logger(__name__)


def wire() -> None:
    """Set this process up: logging and its level, files for its user alone, signals, no dumps.

    Settings that are wrong do not stop it: the command that needs them refuses, in one line.
    """
    os.umask(PRIVATE_UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold keys and tokens
    configure(_log_level())
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable
    warnings.showwarning = _log_warning
    signal.signal(signal.SIGTERM, _end)


def exit_code_of(error: Exception) -> int:
    """Say why a command failed and return its exit code.

    A refusal is one line for the operator, and so is a file that cannot be used; anything else is a
    defect and one line of the log.
    """
    line = str(error) if isinstance(error, StartError) else getattr(error, "exit_line", None)
    if isinstance(error, OSError) and error.filename:
        line = f"{error.filename}: {error.strerror}"
    if line is None:
        log.critical("command failed", exc_info=error)
    else:
        print(f"{ERROR_PREFIX}{line}", file=sys.stderr)  # noqa: T201
    return 1


def _log_level() -> str:
    try:
        return read_settings().log_level
    except StartError:
        return "info"


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a command as an exception does, so that what it opened is closed."""
    raise SystemExit(128 + number)


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("uncaught", exc_info=error.with_traceback(traceback))


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        log.critical("uncaught in a thread", exc_info=arguments.exc_value)


def _log_unraisable(arguments: "sys.UnraisableHookArgs") -> None:
    log.error("unraisable", exc_info=arguments.exc_value)


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = f"{filename}:{lineno}"
    logging.getLogger("py.warnings").warning("%s: %s (%s)", category.__name__, message, place)
