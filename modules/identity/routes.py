"""The public keys of access tokens, for whoever verifies them (RFC 7517)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.context.app import App
from core.context.contributions import Routes


def routes(app: App) -> list[BaseRoute]:
    """`/.well-known/jwks.json`."""

    async def jwks(_request: Request) -> Response:
        return JSONResponse(app.tokens.jwks(), headers={"Cache-Control": "public, max-age=60"})

    return [Route("/.well-known/jwks.json", jwks, methods=["GET"])]


ROUTES = Routes(routes)
