"""Requests and answers on the wire: bodies as models, JSON replies, refusals with a code."""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

BODY_MAX_BYTES = 1_000_000


class Refusal(Exception):
    """An answer other than success, as the system's contract has it: status, code, message."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, headers, "application/json")


class Body(BaseModel):
    """A request body: unknown members are refused, values are not bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


AnyBody = TypeVar("AnyBody", bound=BaseModel)


async def read_body(request: Request, model: type[AnyBody]) -> AnyBody:
    """The request's JSON body as a model. Raises Refusal 400 INVALID_REQUEST, 413 TOO_LARGE."""
    raw = await read_bytes(request)
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise Refusal(400, "INVALID_REQUEST", f"{where}: {first['msg']}") from None


async def read_bytes(request: Request) -> bytes:
    """The raw request body, at most a megabyte. Raises Refusal 413 TOO_LARGE."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_MAX_BYTES:
            raise Refusal(413, "TOO_LARGE", "the body is larger than a megabyte")
    return bytes(raw)


def query_int(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """An integer query parameter within bounds. Raises Refusal 400 INVALID_REQUEST."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise Refusal(400, "INVALID_REQUEST", f"{name} must be an integer {least}..{most}")
    return int(text)
