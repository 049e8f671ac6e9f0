"""What a client is told of an error: expected refusals by code, everything else by a number."""

from typing import Any

import structlog
from graphql import GraphQLError

from core.call import Call
from core.errors import AppError, LoginRequired
from core.ids import new_id
from core.texts_common import INTERNAL_ERROR

log = structlog.get_logger(__name__)

BAD_REQUEST = "BAD_REQUEST"


def shown(error: GraphQLError, call: Call) -> GraphQLError:
    """The error as the client may see it; the rest is in the log under the error's id.

    An error without a path speaks of the document or its variables and is the client's own. One
    with a path happened in our code: an AppError is told, anything else is masked.
    """
    cause = _cause(error)
    if isinstance(cause, AppError):
        return _located(error, cause.say(call.locale), _refusal_extensions(cause))
    if error.path is None and cause is None:
        return _located(error, error.message, {"code": BAD_REQUEST})
    error_id = str(new_id())
    # the message may quote data, the class and the place do not
    log.error(
        "resolver failed",
        error_id=error_id,
        path=error.path,
        exc_info=(type(cause), cause, cause.__traceback__) if cause else None,
    )
    message = INTERNAL_ERROR.say(call.locale, error_id=error_id)
    return _located(error, message, {"code": INTERNAL_ERROR.code, "errorId": error_id})


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _refusal_extensions(refusal: AppError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": refusal.code}
    if isinstance(refusal, LoginRequired):
        extensions["requiredLevel"] = refusal.required_level
    return extensions


def _located(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)
