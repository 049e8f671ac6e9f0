"""Where a borrower fetches a signed contract: `/loans/contracts/<application id>.pdf`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id
from credit.lending.applications.owner_side import read_contract

PATH = "/loans/contracts/{application_id}.pdf"


def routes(app: App) -> list[Route]:
    """The address of contracts."""
    return [Route(PATH, answering(app, _contract), methods=["GET"])]


async def _contract(call: Call, request: Request) -> Response:
    """The PDF as it was signed. Raises LoginRequired, NotFound for anybody else's."""
    row, pdf = await read_contract(call, path_id(request, "application_id"))
    name = f'inline; filename="contract-{row.no}.pdf"'
    return Response(pdf, 200, PRIVATE | {"Content-Disposition": name}, "application/pdf")


ROUTES = Routes(routes)
