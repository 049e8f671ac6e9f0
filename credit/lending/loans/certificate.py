"""The certificate of a loan: what was lent, what has been paid, whether it is settled.

`/loans/<loan id>/certificate.pdf`, with the borrower's bearer token; signed as a whole (PAdES).
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.context.app import App
from core.context.call import Call
from core.context.contributions import Routes
from core.context.http import PRIVATE, answering, path_id
from core.errors import NotFound, Unavailable
from core.money import format_yuan
from core.refusal_texts import NOT_FOUND
from core.standards.sheet import Line, Sheet
from core.standards.signed_sheet import render_signed
from core.texts import Named
from credit.lending.loans.replay import LoanStatus
from credit.lending.loans.service import LoanRecord, get_record
from credit.lending.records import store, texts
from credit.lending.terms.money_terms import Part

PATH = "/loans/{loan_id}/certificate.pdf"
_STANDING = {
    LoanStatus.ACTIVE: Named("还款中", "Being repaid"),
    LoanStatus.OVERDUE: Named("逾期", "Overdue"),
    LoanStatus.CLOSED: Named("已结清", "Settled in full"),
    LoanStatus.WRITTEN_OFF: Named("已核销,仍应偿还", "Written off, still owed"),
}


def routes(app: App) -> list[Route]:
    """The address of certificates."""
    return [Route(PATH, answering(app, _certificate), methods=["GET"])]


async def _certificate(call: Call, request: Request) -> Response:
    """The PDF as of now. Raises LoginRequired, NotFound for anybody else's loan, Unavailable."""
    app = call.app
    person_id = call.require_service("loan-progress").user_id
    found = await get_record(app, path_id(request, "loan_id"), person_id=person_id)
    company = await store.find_company(found.row.company_id)
    if company is None:
        raise NotFound(NOT_FOUND)
    page = Sheet(
        title=Named(texts.CERTIFICATE_TITLE.zh, texts.CERTIFICATE_TITLE.en),
        number=found.row.no,
        city=app.city.name,
        issuer=app.city.app_name,
        lines=_lines(found, f"{company.name} {company.uscc}"),
        note=Named(texts.CERTIFICATE_NOTE.zh, texts.CERTIFICATE_NOTE.en),
    )
    body = await render_signed(app.keys, page, at=app.clock.now())
    if body is None:
        raise Unavailable(texts.NO_CONTRACTS)
    name = f'inline; filename="loan-{found.row.no}.pdf"'
    return Response(body, 200, PRIVATE | {"Content-Disposition": name}, "application/pdf")


def _lines(found: LoanRecord, company: str) -> list[Line]:
    loan = found.loan
    standing = _STANDING[loan.status]
    beyond = sum(fen for part, fen in loan.paid.items() if part is not Part.PRINCIPAL)
    return [
        Line("借款人", "Borrower", company),
        Line("放款日", "Paid out on", found.row.disbursed_on.isoformat()),
        Line("贷款金额", "Lent", f"¥{format_yuan(loan.disbursed_fen)}"),
        Line("已还本金", "Principal repaid", f"¥{format_yuan(loan.paid[Part.PRINCIPAL])}"),
        Line("已付利息及费用", "Interest and costs paid", f"¥{format_yuan(beyond)}"),
        Line("剩余本金", "Principal left", f"¥{format_yuan(loan.principal_fen)}"),
        Line("状态", "Standing", f"{standing.zh} / {standing.en}"),
        Line("截至", "As of", loan.as_of.isoformat()),
    ]


ROUTES = Routes(routes)
