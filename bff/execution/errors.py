"""What a client is told of an error: expected refusals by code, everything else by a number."""

from typing import Any

import structlog
from graphql import GraphQLError, ValueNode

from bff.request.operation import BAD_REQUEST
from core.context.call import Call
from core.database import is_unavailable
from core.errors import AppError, LoginRequired, RateLimited
from core.ids import new_id
from core.refusal_texts import INTERNAL_ERROR, UNAVAILABLE
from core.telemetry.tracebacks import error_line
from core.texts import Locale

RETRY_AFTER_S = 1
"""When a request that the database could not serve may be sent again."""

log = structlog.get_logger(__name__)


class ClientErrors:
    """Turns the errors of one operation into those its client may see."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.request_errors: list[GraphQLError] = []
        """Of the variables: nothing was executed."""

    def __call__(self, error: GraphQLError) -> GraphQLError:
        """The error as the client may see it; the rest is in the log under the error's id."""
        if error.path is None and _is_of_the_client(error):
            self.request_errors.append(error)
        return shown(error, self._call)


def shown(error: GraphQLError, call: Call) -> GraphQLError:
    """The error as the client may see it; the rest is in the log under the error's id.

    What speaks of the client's own document or variables is told as it is. Any other happened in
    our code: an AppError is told, the rest is masked.
    """
    cause = cause_of(error)
    if isinstance(cause, AppError):
        return _located(error, cause.say(call.locale), refusal_extensions(cause))
    if _is_of_the_client(error):
        return _located(error, error.message, {"code": BAD_REQUEST})
    masked = broken(cause, call.locale, error.path)
    return _located(error, masked.message, masked.extensions)


def broken(
    cause: BaseException | None, locale: Locale, path: list[str | int] | None = None
) -> GraphQLError:
    """What a client sees of an error that it cannot mend: a number, under which the log has more.

    A database that is away, full or held up is no defect: UNAVAILABLE, and the same request, with
    the same key, may be sent again. Anything else is INTERNAL_ERROR.
    """
    error_id = str(new_id())
    if is_unavailable(cause):
        assert cause is not None
        log.warning("database unavailable", error_id=error_id, path=path, error=error_line(cause))
        extensions = {"code": UNAVAILABLE.code, "errorId": error_id, "retryAfterS": RETRY_AFTER_S}
        return GraphQLError(UNAVAILABLE.say(locale, error_id=error_id), extensions=extensions)
    # the message may quote data, the class and the place do not
    log.error(
        "resolver failed",
        error_id=error_id,
        path=path,
        exc_info=(type(cause), cause, cause.__traceback__) if cause else None,
    )
    message = INTERNAL_ERROR.say(locale, error_id=error_id)
    extensions = {"code": INTERNAL_ERROR.code, "errorId": error_id}
    return GraphQLError(message, extensions=extensions)


def status_of(error: GraphQLError) -> int:
    """The HTTP status of a request that `broken` is the answer to."""
    return 503 if (error.extensions or {}).get("code") == UNAVAILABLE.code else 500


def refusal(error: AppError, locale: Locale) -> GraphQLError:
    """A refusal of the whole request, before anything ran."""
    return GraphQLError(error.say(locale), extensions=refusal_extensions(error))


def refusal_extensions(error: AppError) -> dict[str, Any]:
    """What an app acts on."""
    extensions: dict[str, Any] = {"code": error.code}
    if isinstance(error, LoginRequired):
        extensions |= error.extensions
    if isinstance(error, RateLimited):
        extensions["retryAfterS"] = error.retry_after_s
    return extensions


def cause_of(error: GraphQLError) -> BaseException | None:
    """What was raised in our code, however often it was wrapped."""
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _located(error: GraphQLError, message: str, extensions: dict[str, Any] | None) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)


def _is_of_the_client(error: GraphQLError) -> bool:
    """Whether it names a place in the document and none in the answer, or a value in the document:
    an argument that turns out not to fit only when its field runs (null for what has a default)."""
    if not error.nodes or error.path is None:
        return bool(error.nodes)
    return cause_of(error) is None and isinstance(error.nodes[0], ValueNode)
