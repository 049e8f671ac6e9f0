"""Is the process alive, is it ready, which keys sign its tokens.

For balancers and apps; what the process has counted is on the operators' port alone.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.processes.operators import READY, find_backlog, find_database_fault


def health_routes(app: App) -> list[Route]:
    """/healthz, /readyz and the JWKS."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        fault = await find_database_fault(app)
        if fault is not None:
            return PlainTextResponse(fault, status_code=503)
        # a worker that stands still is told, but is no reason to take the API away as well
        backlog = await find_backlog(app)
        return PlainTextResponse(f"{READY}; {backlog}" if backlog else READY)

    async def jwks(_request: Request) -> Response:
        return JSONResponse(app.tokens.jwks(), headers={"Cache-Control": "public, max-age=300"})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/.well-known/jwks.json", jwks),
    ]
