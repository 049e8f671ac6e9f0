"""Where a payer fetches a receipt as PDF: `/receipts/<payment id>.pdf`, with a bearer token."""

import asyncio
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.problems import locale_of, problem_of
from core.deadline import Deadline
from core.errors import AppError, NotFound
from core.ids import new_id
from core.people.directory import Person, get_person
from core.refusal_texts import NOT_FOUND
from core.security.authentication import authenticate
from core.security.vault import mask_phone
from core.texts import Locale
from payments import receipts
from payments.receipt_pdf import Issuer, render

PATH = "/receipts/{payment_id}.pdf"
_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


def routes(app: App) -> list[Route]:
    """The address of receipts."""

    async def receipt(request: Request) -> Response:
        locale = locale_of(request)
        try:
            return await _receipt(app, request, locale)
        except AppError as refused:
            return problem_of(refused, locale, _HEADERS)

    return [Route(PATH, receipt, methods=["GET"])]


async def _receipt(app: App, request: Request, locale: Locale) -> Response:
    """The PDF. Raises LoginRequired for strangers, NotFound for anybody else's receipt."""
    viewer = await authenticate(app.tokens, app.revocations, request.headers.get("authorization"))
    deadline = Deadline.after(app.settings.request_deadline_s)
    call = Call(app, deadline, new_id().hex, viewer, locale)
    found = await receipts.get_receipt(call, _payment_id(request))
    person = await get_person(app, found.payment.payer_id)
    issuer = Issuer(app.city.name, app.city.app_name, _payer(person))
    pdf = await asyncio.to_thread(render, found, issuer)
    name = f'inline; filename="receipt-{found.receipt_no}.pdf"'
    return Response(pdf, 200, _HEADERS | {"Content-Disposition": name}, "application/pdf")


def _payment_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["payment_id"])
    except ValueError:
        raise NotFound(NOT_FOUND) from None


def _payer(person: Person) -> str:
    """The payer's name; who has not verified one is known by the masked phone."""
    return person.name or mask_phone(person.phone)


ROUTES = Routes(routes)
