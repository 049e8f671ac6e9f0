"""Is the process alive, is it ready, what has it counted, which keys sign its tokens."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.app import App
from core.database import connection, fetch_one


def health_routes(app: App) -> list[Route]:
    """/healthz, /readyz, /metrics and the JWKS."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        if not app.bus.connected.is_set():
            return PlainTextResponse("the database does not answer", status_code=503)
        try:
            await fetch_one(connection(), "SELECT 1 AS one")
        except OSError:
            return PlainTextResponse("the database does not answer", status_code=503)
        return PlainTextResponse("ready")

    async def metrics(_request: Request) -> Response:
        return Response(app.metrics.render(), media_type="text/plain; version=0.0.4")

    async def jwks(_request: Request) -> Response:
        return JSONResponse(app.tokens.jwks(), headers={"Cache-Control": "public, max-age=300"})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/.well-known/jwks.json", jwks),
    ]
