"""The API process as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from bff.executor import Executor
from bff.health import health_routes
from bff.http import graphql_http
from bff.playground import playground_page, playground_routes, wants_playground
from bff.schema import build_schema
from bff.tabs import playground_tabs
from bff.trusted import Documents, documents_of
from bff.websocket import graphql_websocket
from core import logging
from core.app import App, open_app
from core.manifest import discover, load
from core.settings import Settings


@dataclass(frozen=True)
class Edge:
    """What the GraphQL endpoint serves with; made when the process has opened its App."""

    app: App
    executor: Executor
    documents: Documents

    async def http(self, request: Request) -> Response:
        """GET and POST /graphql, and the playground for a browser."""
        if not self.app.settings.is_production and wants_playground(request):
            return playground_page(
                playground_tabs(self.documents), title=f"{self.app.city.app_name.zh} GraphQL"
            )
        return await graphql_http(self.app, self.executor, request)

    async def websocket(self, websocket: WebSocket) -> None:
        """graphql-transport-ws at the same address."""
        await graphql_websocket(self.app, self.executor, websocket)


def create_app(settings: Settings | None = None) -> Starlette:
    """The factory that the server calls; settings come from the environment."""
    chosen = settings or Settings()
    logging.configure(chosen.log_level)

    @asynccontextmanager
    async def lifespan(starlette: Starlette) -> AsyncIterator[None]:
        async with open_app(chosen, manifests=discover(), application="quancheng api") as app:
            starlette.router.routes.extend(routes(app))
            yield

    return Starlette(lifespan=lifespan)


def routes(app: App) -> list[BaseRoute]:
    """Every address of the API: the edge's own and those that wings declare."""
    documents = documents_of(app.manifests)
    executor = Executor(
        build_schema(app.manifests), documents, trusted_only=app.settings.is_production
    )
    edge = Edge(app, executor, documents)
    found: list[BaseRoute] = [
        Route("/graphql", edge.http, methods=["GET", "POST"]),
        WebSocketRoute("/graphql", edge.websocket),
        *health_routes(app),
    ]
    if not app.settings.is_production:
        found += playground_routes()
    for manifest in app.manifests:
        for path in manifest.routes:
            found += load(path)(app)
    return found
