"""The API process as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import strawberry
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from tortoise.exceptions import DBConnectionError, OperationalError

from bff.execution.errors import RETRY_AFTER_S
from bff.execution.executor import Executor
from bff.limits.admission import Gate
from bff.playground import playground_routes
from bff.playground.people import people_routes
from bff.probe.rounds import probing
from bff.request.context import caller_of, headers_of
from bff.schema.build import build_schema
from bff.screens.health import health_routes
from bff.screens.loan_desk.page import loan_desk_routes
from bff.screens.services_page import services_routes
from bff.transports.answers import NOSNIFF
from bff.transports.endpoint import Edge
from bff.transports.http import GraphQLHttp
from bff.transports.websocket import graphql_websocket
from bff.trusted.documents import Documents, documents_of
from bff.trusted.library import Library
from bff.trusted.usage import Usage
from core.context.app import App
from core.context.contributions import ROUTES, WARM_UPS, WarmUp
from core.context.http import problem
from core.database import CONNECTION_LOST, is_unavailable
from core.errors import RateLimited
from core.manifest import discover
from core.processes.open_app import open_app
from core.processes.operators import find_database_fault, leaving, operated, warming
from core.settings import Settings
from core.telemetry.tracebacks import error_line

DATABASE_ERRORS = (*CONNECTION_LOST, DBConnectionError, OperationalError)
"""What may say that the database cannot serve."""

WARM_WITHIN_S = 60.0
"""For so long a process is not ready because of what it makes ready."""

log = structlog.get_logger(__name__)


class Api(Starlette):
    """Starlette with a short way to /graphql, which nearly every request takes."""

    graphql: GraphQLHttp | None = None
    edge: Edge | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if (
            self.graphql is not None
            and scope["type"] == "http"
            and scope["path"] == "/graphql"
            and scope["method"] in ("POST", "GET", "HEAD")
        ):
            await self.graphql(scope, receive, send)
        elif scope["type"] != "http" or self.edge is None:
            await super().__call__(scope, receive, send)
        else:
            await self._serve_beside(scope, receive, send)

    async def _serve_beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Every other address: counted by where the caller is, its type not to be guessed."""
        assert self.edge is not None
        caller = caller_of(
            scope, headers_of(scope), trusted_proxies=self.edge.app.settings.trusted_proxies
        )
        try:
            self.edge.gate.pass_by(caller, reads=scope["method"] in ("GET", "HEAD"))
        except RateLimited as refused:
            await problem(refused, caller.locale)(scope, receive, send)
            return
        await super().__call__(scope, receive, _never_sniffed(send))

    def open(self, edge: Edge) -> None:
        """Serve an edge from now on."""
        self.edge = edge
        self.graphql = GraphQLHttp(edge)
        self.router.redirect_slashes = False  # it would repeat whatever host the request names
        self.router.routes.extend(routes(edge))

    def leave(self) -> None:
        """Say on readiness that the process is about to stop; everything is still served."""
        if self.edge is not None:
            leaving(self.edge.app).set()

    def drain(self) -> None:
        """End all streams: the process is about to stop."""
        if self.edge is not None:
            self.edge.drain()


def create_app(settings: Settings | None = None) -> Api:
    """The factory that the server calls; settings come from the environment."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(starlette: Api) -> AsyncIterator[None]:
        async with open_app(chosen, manifests=discover(), application="quancheng api") as app:
            edge = edge_of(app)
            if chosen.is_production:
                edge.library.prepare_all()
            starlette.open(edge)
            warm = warming_up(app, app.extensions(WARM_UPS))
            checks = probing(app, edge.executor, edge.documents)
            async with edge.running(), operated(app, find_database_fault), warm, checks:
                yield

    away = dict.fromkeys(DATABASE_ERRORS, database_away)
    return Api(lifespan=lifespan, exception_handlers=away)


def _never_sniffed(send: Send) -> Send:
    """A `send` that adds the header to every answer that lacks it."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name == NOSNIFF[0] for name, _ in headers):
                message = {**message, "headers": [*headers, NOSNIFF]}
        await send(message)

    return send_with_header


@asynccontextmanager
async def warming_up(
    app: App, warm_ups: Sequence[WarmUp], within_s: float = WARM_WITHIN_S
) -> AsyncIterator[None]:
    """Make ready what wings want ready. Requests are served meanwhile, but `/readyz` says 503
    until all has ended, or for `within_s` seconds: what hangs takes no process away."""

    async def run(warm_up: WarmUp) -> None:
        try:
            await warm_up.run(app)
        except Exception as error:
            log.warning("not warmed up", error=error_line(error))

    async def run_all() -> None:
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(run(one) for one in warm_ups))
        except TimeoutError:
            log.warning("not warmed up", error=f"not within {within_s:.0f} s")
        finally:
            warming(app).clear()

    warming(app).set()
    task = asyncio.create_task(run_all(), name="warm-up")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def database_away(request: Request, error: Exception) -> Response:
    """What a REST route answers while the database is away, full or held up; else it raises."""
    if not is_unavailable(error) or not isinstance(request, Request):
        raise error
    log.warning("database unavailable", path=request.url.path, error=error_line(error))
    problem = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(problem, 503, headers, media_type="application/problem+json")


def edge_of(app: App) -> Edge:
    """The GraphQL edge of a process."""
    return make_edge(app, build_schema(app.manifests), documents_of(app.manifests))


def make_edge(
    app: App, schema: strawberry.Schema, documents: Documents, *, trusted_only: bool | None = None
) -> Edge:
    """An edge over any schema. Outside production free text runs too, unless told otherwise."""
    is_production = app.settings.is_production if trusted_only is None else trusted_only
    library = Library(schema, documents, trusted_only=is_production)
    return Edge(
        app=app,
        executor=Executor(library, shows_cost=not is_production),
        documents=documents,
        gate=Gate(app.settings),
        library=library,
        usage=Usage(documents.apps, app.clock),
    )


def routes(edge: Edge) -> list[BaseRoute]:
    """Every address of the API: the edge's own and those that wings declare."""
    app = edge.app

    async def websocket(connection: WebSocket) -> None:
        await graphql_websocket(edge, connection)

    found: list[BaseRoute] = [
        Route("/graphql", GraphQLHttp(edge), methods=["GET", "POST"]),
        WebSocketRoute("/graphql", websocket),
        *services_routes(edge),
        *loan_desk_routes(edge),
        *health_routes(app),
    ]
    if not app.settings.is_production:
        found += [*people_routes(app), *playground_routes()]
    for routes in app.extensions(ROUTES):
        found += routes.of(app)
    return found
