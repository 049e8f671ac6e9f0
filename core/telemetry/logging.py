"""Logs: one JSON line per event on stderr, the request's id on each, personal data masked.

Our own code logs through structlog (`log = structlog.get_logger()`), libraries through the
standard library's logging; both end in the one handler that `configure` installs, so nothing is
written around the mask.
"""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from core.ids import new_id
from core.telemetry.masking import mask_items

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
    handler = logging.StreamHandler(stream)
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
            structlog.processors.format_exc_info,
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


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    request_id = _request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The last step before rendering, so the rendered traceback passes through it too."""
    return mask_items(event)


def _to_json(event: EventDict, **_: Any) -> str:
    return orjson.dumps(event).decode()
