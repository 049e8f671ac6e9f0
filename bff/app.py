"""The API process as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bff.edge import Edge
from bff.executor import Executor
from bff.health import health_routes
from bff.http import GraphQLHttp
from bff.library import Library
from bff.playground import playground_routes
from bff.schema import build_schema
from bff.trusted import documents_of
from bff.websocket import graphql_websocket
from core import logging
from core.app import App, open_app
from core.manifest import discover, load
from core.settings import Settings


def create_app(settings: Settings | None = None) -> Starlette:
    """The factory that the server calls; settings come from the environment."""
    chosen = settings or Settings()
    logging.configure(chosen.log_level)

    @asynccontextmanager
    async def lifespan(starlette: Starlette) -> AsyncIterator[None]:
        async with open_app(chosen, manifests=discover(), application="quancheng api") as app:
            edge = edge_of(app)
            starlette.router.routes.extend(routes(edge))
            try:
                yield
            finally:
                edge.drain()

    return Starlette(lifespan=lifespan)


def edge_of(app: App) -> Edge:
    """The GraphQL edge of a process; every trusted document is compiled here."""
    documents = documents_of(app.manifests)
    is_production = app.settings.is_production
    library = Library(build_schema(app.manifests), documents, trusted_only=is_production)
    executor = Executor(library, shows_cost=not is_production)
    return Edge(app, executor, documents)


def routes(edge: Edge) -> list[BaseRoute]:
    """Every address of the API: the edge's own and those that wings declare."""
    app = edge.app

    async def websocket(connection: WebSocket) -> None:
        await graphql_websocket(edge, connection)

    found: list[BaseRoute] = [
        Route("/graphql", GraphQLHttp(edge), methods=["GET", "POST"]),
        WebSocketRoute("/graphql", websocket),
        *health_routes(app),
    ]
    if not app.settings.is_production:
        found += playground_routes()
    for manifest in app.manifests:
        for path in manifest.routes:
            found += load(path)(app)
    return found
