"""What a client is told of an error: expected refusals by code, everything else by a number."""

from typing import Any

import structlog
from graphql import GraphQLError

from bff.request.operation import BAD_REQUEST
from core.call import Call
from core.errors import AppError, LoginRequired, RateLimited
from core.ids import new_id
from core.refusal_texts import INTERNAL_ERROR
from core.texts import Locale

log = structlog.get_logger(__name__)


class Told:
    """Turns the errors of one operation into those its client may see."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.request_errors: list[GraphQLError] = []
        """Of the variables: nothing was executed."""

    def __call__(self, error: GraphQLError) -> GraphQLError:
        """The error as the client may see it; the rest is in the log under the error's id."""
        if error.path is None and error.nodes:
            self.request_errors.append(error)
        return shown(error, self._call)


def shown(error: GraphQLError, call: Call) -> GraphQLError:
    """The error as the client may see it; the rest is in the log under the error's id.

    An error that names a place in the document, but none in the answer, speaks of the client's own
    document or variables. Any other happened in our code: an AppError is told, the rest is masked.
    """
    cause = _cause(error)
    if isinstance(cause, AppError):
        return _located(error, cause.say(call.locale), refusal_extensions(cause))
    if error.path is None and error.nodes:
        return _located(error, error.message, {"code": BAD_REQUEST})
    masked = broken(cause, call.locale, error.path)
    return _located(error, masked.message, masked.extensions)


def broken(
    cause: BaseException | None, locale: Locale, path: list[str | int] | None = None
) -> GraphQLError:
    """What is told of a defect of ours: a number, under which the log has the rest."""
    error_id = str(new_id())
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


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _located(error: GraphQLError, message: str, extensions: dict[str, Any] | None) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)
