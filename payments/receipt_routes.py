"""Where a payer fetches a receipt as PDF: `/receipts/<payment id>.pdf`, with a bearer token."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id
from core.people.directory import Person, get_person
from core.security.vault import mask_phone
from payments import receipts
from payments.receipt_pdf import Issuer, render

PATH = "/receipts/{payment_id}.pdf"


def routes(app: App) -> list[Route]:
    """The address of receipts."""
    return [Route(PATH, answering(app, _receipt), methods=["GET"])]


async def _receipt(call: Call, request: Request) -> Response:
    """The PDF. Raises LoginRequired for strangers, NotFound for anybody else's receipt."""
    app = call.app
    found = await receipts.get_receipt(call, path_id(request, "payment_id"))
    person = await get_person(app, call.require_viewer().user_id)
    issuer = Issuer(app.city.name, app.city.app_name, _payer(person))
    pdf = await asyncio.to_thread(render, found, issuer)
    name = f'inline; filename="receipt-{found.receipt_no}.pdf"'
    return Response(pdf, 200, PRIVATE | {"Content-Disposition": name}, "application/pdf")


def _payer(person: Person) -> str:
    """The payer's name; who has not verified one is known by the masked phone."""
    return person.name or mask_phone(person.phone)


ROUTES = Routes(routes)
