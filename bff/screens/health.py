"""Is the process alive, is it ready.

For balancers; what the process has counted is on the operators' port alone.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.processes.operators import READY, find_backlog, find_database_fault


def health_routes(app: App) -> list[Route]:
    """/healthz and /readyz."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_request: Request) -> Response:
        fault = await find_database_fault(app)
        if fault is not None:
            return PlainTextResponse(fault, status_code=503)
        # a worker that stands still is told, but is no reason to take the API away as well
        backlog = await find_backlog(app)
        return PlainTextResponse(f"{READY}; {backlog}" if backlog else READY)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
    ]
