"""Where a payer fetches PDFs, with a bearer token.

`/receipts/<payment id>.pdf` is a receipt, `/payments/statement.pdf?from=…&to=…` the statement of
some days; with `&onBehalfOf=…` that of somebody for whom the viewer acts.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.clock import parse_date
from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id
from core.errors import InvalidInput
from core.graphql import parse_id
from core.people.directory import Person, get_person
from core.security.vault import mask_phone
from core.standards.signed_sheet import render_document
from payments import payer_statement, payer_statement_pdf, receipt_pdf, receipts, texts
from payments.receipt_pdf import Issuer

STATEMENT_PATH = "/payments/statement.pdf"
PATH = "/receipts/{payment_id}.pdf"


def routes(app: App) -> list[Route]:
    """The addresses of receipts and statements."""
    return [
        Route(PATH, answering(app, _receipt), methods=["GET"]),
        Route(STATEMENT_PATH, answering(app, _statement), methods=["GET"]),
    ]


async def _receipt(call: Call, request: Request) -> Response:
    """The PDF. Raises LoginRequired for strangers, NotFound for anybody else's receipt."""
    app = call.app
    found = await receipts.get_receipt(call, path_id(request, "payment_id"))
    person = await get_person(app, call.require_viewer().user_id)
    issuer = Issuer(app.city.name, app.city.app_name, _payer(person))
    page = receipt_pdf.draw(found, issuer, found.note(app))
    pdf = await render_document(app.keys, page, at=found.as_of)
    name = f'inline; filename="receipt-{found.receipt_no}.pdf"'
    return Response(pdf, 200, PRIVATE | {"Content-Disposition": name}, "application/pdf")


async def _statement(call: Call, request: Request) -> Response:
    """The PDF. Raises what payments.payer_statement does."""
    app, query = call.app, request.query_params
    call.require_viewer()
    subject = query.get("onBehalfOf")
    try:
        first_on, last_on = parse_date(query.get("from", "")), parse_date(query.get("to", ""))
    except ValueError:
        raise InvalidInput(texts.PERIOD_INVALID) from None
    subject_id = None if subject is None else parse_id(subject)
    statement = await payer_statement.read(call, first_on, last_on, subject_id=subject_id)
    person = await get_person(app, statement.person_id)
    issuer = Issuer(app.city.name, app.city.app_name, _payer(person))
    now = app.clock.now()
    pages = payer_statement_pdf.draw(statement, issuer, now)
    pdf = await render_document(app.keys, *pages, at=now)
    name = f'inline; filename="payments-{first_on}-{last_on}.pdf"'
    return Response(pdf, 200, PRIVATE | {"Content-Disposition": name}, "application/pdf")


def _payer(person: Person) -> str:
    """The payer's name; who has not verified one is known by the masked phone."""
    return person.name or mask_phone(person.phone)


ROUTES = Routes(routes)
