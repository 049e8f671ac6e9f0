"""Logs: one JSON line per event on stderr, the request's id on each, personal data masked.

Our own code logs through structlog (`log = structlog.get_logger()`), libraries through the
standard library's logging; both end in the one handler that `configure` installs, so nothing is
written around the mask. A line is bounded in size and a process in lines, and what cannot be
written (a full disk) is dropped: logging never ends or stops the process that logs.
"""

import io
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from core.ids import new_id
from core.telemetry.masking import mask_items
from core.telemetry.tracebacks import FrameBudget, error_text

LINE_MAX_BYTES = 16_384
BYTES_PER_S = 32_768
"""What a process may write in the long run; a line that comes too soon is dropped and counted."""

BURST_BYTES = 4_000_000
_TEXT_MAX_CHARS = 4_000
_QUIET = ("pgqueuer", "tortoise", "uvicorn")
"""Libraries whose information our own lines give already, or that name who is calling."""

GRANIAN_LOGGING: dict[str, Any] = {
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}
"""Granian's `log_dictconfig`: no handler of its own, everything goes to ours."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """The id of the request or job that is being served, if any."""
    return _request_id.get()


class request_scope:  # noqa: N801 - used as a statement, as contextlib's own are
    """Everything inside logs and calls upstreams under this id; yields it.

    An id from outside is taken only in a plain form (8-64 letters, digits, `-`, `_`); otherwise,
    and for None, a new one is made. A class, because every request enters one.
    """

    __slots__ = ("_id", "_token")

    def __init__(self, request_id: str | None = None) -> None:
        if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
            request_id = str(new_id())
        self._id = request_id

    def __enter__(self) -> str:
        self._token = _request_id.set(self._id)
        return self._id

    def __exit__(self, *_: object) -> None:
        _request_id.reset(self._token)


def configure(
    level: str = "info", *, json: bool | None = None, stream: TextIO | None = None
) -> None:
    """Route structlog and the standard library's logging to one masked stream.

    `level` is `debug`, `info`, `warning` or `error`. `json=None` writes JSON lines unless the
    stream (stderr unless told) is a terminal. Repeat-safe: the latest call counts.
    Raises ValueError for an unknown level.
    """
    stream = sys.stderr if stream is None else stream
    handler = BoundedHandler(stream)
    handler.setFormatter(_formatter(stream.isatty() if json is None else not json, stream))
    root = logging.getLogger()
    root.setLevel(level.upper())
    root.handlers = [handler]
    _route_to_root()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class BoundedHandler(logging.Handler):
    """Writes lines to a stream, as many as the budget allows, and survives a stream that fails."""

    def __init__(
        self,
        stream: TextIO,
        *,
        bytes_per_s: float = BYTES_PER_S,
        burst_bytes: int = BURST_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._stream = stream
        self._file = _file_number(stream)
        self._bytes_per_s = bytes_per_s
        self._burst_bytes = burst_bytes
        self._monotonic = monotonic
        self._left_bytes = float(burst_bytes)
        self._counted_s = monotonic()
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or count it as dropped."""
        try:
            line = self.format(record)
        except Exception as error:  # a value that cannot be rendered must not end its process
            line = _to_json({"event": "unloggable", "error": type(error).__name__})
        data = line.encode(errors="replace") + b"\n"
        if not self._has_room(len(data)):
            self._dropped += 1
            return
        if self._dropped:
            notice = {"event": "log lines dropped", "level": "warning", "lines": self._dropped}
            data = _to_json(notice).encode() + b"\n" + data
        try:
            self._write(data)
        except (OSError, ValueError):  # a full disk, a reader that is gone, a closed stream
            self._dropped += 1
        else:
            self._dropped = 0

    def _has_room(self, size_bytes: int) -> bool:
        now_s = self._monotonic()
        earned = (now_s - self._counted_s) * self._bytes_per_s
        self._counted_s = now_s
        self._left_bytes = min(self._burst_bytes, self._left_bytes + earned)
        if self._left_bytes < size_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def _write(self, data: bytes) -> None:
        """Unbuffered where there is a file: a buffer that cannot be emptied fails at the end."""
        if self._file is None:
            self._stream.write(data.decode())
            self._stream.flush()
            return
        while data:
            data = data[os.write(self._file, data) :]


def _file_number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError, io.UnsupportedOperation):
        return None


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(console: bool, stream: TextIO) -> ProcessorFormatter:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    return ProcessorFormatter(
        foreign_pre_chain=_shared_processors(),
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            _ErrorText(),
            _mask,
            renderer,
        ],
    )


def _route_to_root() -> None:
    """Take away the handlers and levels that libraries gave their own loggers."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
            logger.disabled = False
            logger.setLevel(logging.NOTSET)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    request_id = _request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


class _ErrorText:
    """Replaces `exc_info` by the error's bounded text; see `core.tracebacks`."""

    def __init__(self) -> None:
        self._frames = FrameBudget()

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Render the error of an event, where it has one."""
        error = _error_of(event.pop("exc_info", None))
        event.pop("exc_text", None)
        if error is not None:
            event["exception"] = error_text(error, frames=self._frames.take(error))
        return event


def _error_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The last step before rendering, so the rendered error passes through it too."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > _TEXT_MAX_CHARS and key != "exception":
            event[key] = f"{value[:_TEXT_MAX_CHARS]}… ({len(value)} characters)"
    return mask_items(event)


def _to_json(event: EventDict, **_: Any) -> str:
    line = orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS)
    if len(line) <= LINE_MAX_BYTES:
        return line.decode()
    kept = {key: event.get(key) for key in ("event", "level", "logger", "timestamp", "request_id")}
    return orjson.dumps({**kept, "cut_from_bytes": len(line)}).decode()
