"""How an outside system describes itself: its name, operations, tables. Everything is built on it.

A new system is one file or folder in `sandbox/systems/` with `SYSTEMS = (System(...),)`; nothing
else changes.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population import Population
from sandbox.settings import SandboxSettings
from sandbox.state import State

if TYPE_CHECKING:
    from sandbox.callbacks import Callbacks
    from sandbox.faults import Faults

SHANGHAI = ZoneInfo("Asia/Shanghai")
BODY_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class City:
    """What every handler may use: settings, memory, people, faults, callbacks, a folder for files
    that do not outlive the process, and the time.
    """

    settings: SandboxSettings
    state: State
    population: Population
    faults: "Faults"
    callbacks: "Callbacks"
    scratch: Path
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def today(self) -> date:
        """The civil date in Shanghai."""
        return self.now().astimezone(SHANGHAI).date()

    def serial(self, sequence: str) -> str:
        """Eighteen digits for a new number: the date, the second of the day, a running count.

        The time keeps numbers apart from those given before a reset or a restart without state.
        """
        now = self.now().astimezone(SHANGHAI)
        second = now.hour * 3600 + now.minute * 60 + now.second
        return f"{now:%Y%m%d}{second:05d}{self.state.next_in(sequence) % 100_000:05d}"


Handler = Callable[[Request, City], Awaitable[Response]]


@dataclass(frozen=True)
class Variants:
    """The operations behind one address that serves several: their names, and how to tell."""

    names: tuple[str, ...]
    name_of: Callable[[Request], Awaitable[str]]


@dataclass(frozen=True)
class Operation:
    """One route. Its name is what fault switches call it; with variants, theirs count instead."""

    name: str
    method: str
    path: str
    handler: Handler
    variants: Variants | None = None

    @property
    def fault_names(self) -> tuple[str, ...]:
        """The names by which fault switches know it."""
        return (self.name,) if self.variants is None else self.variants.names


@dataclass(frozen=True)
class System:
    """One outside system.

    `operations` are its own interface and obey the fault switches; `controls` are routes under
    `/_control` that never fail on purpose. `schema` is SQL for its tables, each named with a
    prefix of its own. Systems of one `group` can be broken together. `running` is entered at
    start-up, for systems with work in the background.
    """

    name: str
    title_zh: str
    title_en: str
    operations: tuple[Operation, ...]
    controls: tuple[Operation, ...] = ()
    schema: str = ""
    group: str | None = None
    running: Callable[[City], AbstractAsyncContextManager[None]] | None = None


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
