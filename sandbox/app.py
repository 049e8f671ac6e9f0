"""The sandbox city as one ASGI application: finds the systems, gives them memory and faults."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import control
from sandbox.population.people import Population
from sandbox.server import callbacks, faults
from sandbox.server.callbacks import Callbacks
from sandbox.server.faults import Faults
from sandbox.server.faulty import FaultyOperation, answer
from sandbox.server.prefix_routes import by_first_part
from sandbox.server.settings import SandboxSettings
from sandbox.server.state import State
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import reply
from sandbox.shared import receipts
from sandbox.statements import days, files
from sandbox.systems import find_systems

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(
    settings: SandboxSettings | None = None,
    now: Callable[[], datetime] | None = None,
) -> Starlette:
    """The application, configured from the environment unless settings are given.

    `now` stands in for the machine's clock with the settings' offset.
    """
    settings = settings or SandboxSettings()
    systems = find_systems(examples=settings.examples)
    offset = timedelta(seconds=settings.clock_offset_s)
    scratch = TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
    city = _open_city(
        settings, systems, Path(scratch.name), now or (lambda: datetime.now(UTC) + offset)
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(scratch.cleanup)
            stack.callback(city.state.close)
            for system in systems:
                if system.running is not None:
                    await stack.enter_async_context(system.running(city))
            await stack.enter_async_context(city.callbacks.running())
            yield

    routes = [_control_route(city, op) for op in control.operations(systems)]
    for system in systems:
        routes += [_control_route(city, op) for op in system.controls]
        routes += [
            Route(op.path, FaultyOperation(city, system.name, op), methods=[op.method])
            for op in system.operations
        ]
    return Starlette(
        routes=by_first_part(routes),
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_exception},
    )


def _open_city(
    settings: SandboxSettings,
    systems: tuple[System, ...],
    scratch: Path,
    now: Callable[[], datetime],
) -> City:
    own = faults.SCHEMA + callbacks.SCHEMA + days.SCHEMA + files.SCHEMA + receipts.SCHEMA
    schema = own + "".join(system.schema for system in systems)
    state = State(settings.state, schema=schema, seed=settings.seed)
    switches = Faults(state, settings.seed)
    queue = Callbacks(state, switches, now)
    return City(settings, state, Population(settings.seed), switches, queue, scratch, now)


def _control_route(city: City, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        if _is_of_another_page(request):
            raise HTTPException(403, "the control plane is not for other web pages")
        return await answer(operation, request, city)

    return Route(operation.path, endpoint, methods=[operation.method])


def _is_of_another_page(request: Request) -> bool:
    """Whether a browser sends this for a page that is not the sandbox's own.

    A page elsewhere may send simple requests here, or name this machine by a host of its own.
    """
    if request.url.hostname not in _LOOPBACK:
        return True
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    return site not in ("none", "same-origin") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    )


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "HTTP_ERROR")
    return reply({"code": code, "message": error.detail}, error.status_code)
