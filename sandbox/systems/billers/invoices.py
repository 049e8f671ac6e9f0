"""Electronic invoices: a biller issues one for a payment that settled a bill, a moment later.

Another one for the same payment is issued under a reference of its own once a red-letter invoice
has cancelled the one before.
"""

from datetime import datetime, timedelta
from html import escape
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.ids import is_uscc
from core.money import format_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.systems.billers import ledger, red_forms
from sandbox.systems.billers.tariff import Utility

SCHEMA = """
CREATE TABLE biller_invoice (
    request_no TEXT PRIMARY KEY, kind TEXT NOT NULL, payment_ref TEXT NOT NULL,
    title TEXT NOT NULL, tax_no TEXT, requested_at TEXT NOT NULL, invoice_no TEXT NOT NULL UNIQUE,
    request_ref TEXT NOT NULL, used_for TEXT CHECK (used_for IN ('books', 'export')),
    UNIQUE (kind, payment_ref, request_ref)
);
"""
ISSUED_AFTER = timedelta(seconds=2)


class Application(Body):
    """Who wants an invoice for which payment; a company gives its number."""

    payment_ref: str = Field(min_length=1, max_length=64)
    title: str = Field(min_length=1, max_length=100)
    tax_no: str | None = Field(None, min_length=18, max_length=18)
    request_ref: str = Field("", max_length=64)


class Use(Body):
    """What a buyer uses an invoice for; None: not any more."""

    used_for: Literal["books", "export"] | None


async def apply(request: Request, city: City, utility: Utility) -> Response:
    """Ask for an invoice, one at a time for each payment.

    The same application again is the same request. Raises Refusal 404 NO_SUCH_WRITE_OFF,
    409 INVOICE_EXISTS for another buyer or beside one that stands, 422 INVALID_TAX_NO.
    """
    body = await read_body(request, Application)
    if body.tax_no is not None and not is_uscc(body.tax_no):
        raise Refusal(422, "INVALID_TAX_NO", "not a unified social credit code (GB 32100)")
    with city.state.transaction():
        if ledger.find_write_off(city, utility, body.payment_ref) is None:
            raise Refusal(404, "NO_SUCH_WRITE_OFF", "this payment wrote nothing off")
        of_payment = _list_of_payment(city, utility, body.payment_ref)
        found = next((one for one in of_payment if one["request_ref"] == body.request_ref), None)
        if found is None:
            found = _issue(city, utility, body, of_payment)
        elif (found["title"], found["tax_no"]) != (body.title, body.tax_no):
            raise Refusal(409, "INVOICE_EXISTS", "the invoice is made out to another buyer")
    return reply(_describe(request, city, utility, found), 202)


def _issue(city: City, utility: Utility, body: Application, earlier: list[Row]) -> Row:
    if any(not red_forms.is_cancelled(city, one["invoice_no"]) for one in earlier):
        raise Refusal(409, "INVOICE_EXISTS", "this payment has an invoice that stands")
    request_no = f"IR{city.serial('invoice')}"
    city.state.run(
        "INSERT INTO biller_invoice (request_no, kind, payment_ref, title, tax_no, requested_at, "
        "invoice_no, request_ref) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (request_no, utility.kind, body.payment_ref, body.title, body.tax_no,
         city.now().isoformat(), f"{city.today():%y}{city.serial('invoice_no')}",
         body.request_ref),
    )  # fmt: skip
    issued = _find(city, utility, "request_no", request_no)
    assert issued is not None
    return issued


async def read(request: Request, city: City, utility: Utility) -> Response:
    """What has become of a request."""
    return reply(_describe(request, city, utility, _get(request, city, utility)))


async def show(request: Request, city: City, utility: Utility) -> Response:
    """The invoice itself, plainly marked as a sandbox's."""
    invoice = _get(request, city, utility)
    if not _is_issued(city, invoice):
        raise Refusal(404, "NO_SUCH_INVOICE", "not issued yet")
    written = ledger.find_write_off(city, utility, invoice["payment_ref"])
    assert written is not None
    rows = (
        ("发票号码", invoice["invoice_no"]), ("购买方", invoice["title"]),
        ("统一社会信用代码", invoice["tax_no"] or ""), ("销售方", utility.title_zh),
        ("价税合计", f"¥{format_yuan(written['amount_fen'])}"),
    )  # fmt: skip
    table = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return HTMLResponse(
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>沙盒发票</title>'
        f"<h1>沙盒电子发票 · Sandbox invoice</h1><table>{table}</table></html>"
    )


def find_issued(city: City, utility: Utility, invoice_no: str) -> Row | None:
    """An issued invoice by its number."""
    found = _find(city, utility, "invoice_no", invoice_no)
    return found if found is not None and _is_issued(city, found) else None


async def use(request: Request, city: City, utility: Utility) -> Response:
    """The buyer enters an invoice into the books, or has its tax refunded for an export."""
    body = await read_body(request, Use)
    with city.state.transaction():
        invoice = find_issued(city, utility, request.path_params["invoice_no"])
        if invoice is None:
            raise Refusal(404, "NO_SUCH_INVOICE", "no such invoice of this biller")
        city.state.run(
            "UPDATE biller_invoice SET used_for = ? WHERE request_no = ?",
            (body.used_for, invoice["request_no"]),
        )
    return reply({"invoice_no": invoice["invoice_no"], "used_for": body.used_for})


def _list_of_payment(city: City, utility: Utility, payment_ref: str) -> list[Row]:
    return city.state.all(
        "SELECT * FROM biller_invoice WHERE kind = ? AND payment_ref = ? ORDER BY requested_at",
        (utility.kind, payment_ref),
    )


def _find(city: City, utility: Utility, column: str, value: str) -> Row | None:
    query = f"SELECT * FROM biller_invoice WHERE kind = ? AND {column} = ?"  # noqa: S608 - our own column names
    return city.state.one(query, (utility.kind, value))


def _get(request: Request, city: City, utility: Utility) -> Row:
    found = _find(city, utility, "request_no", request.path_params["request_no"])
    if found is None:
        raise Refusal(404, "NO_SUCH_INVOICE", "no such request at this biller")
    return found


def _is_issued(city: City, invoice: Row) -> bool:
    return city.now() >= datetime.fromisoformat(invoice["requested_at"]) + ISSUED_AFTER


def _describe(request: Request, city: City, utility: Utility, invoice: Row) -> dict[str, object]:
    issued, root = _is_issued(city, invoice), f"billers/{utility.kind}/invoices"
    issued_at = datetime.fromisoformat(invoice["requested_at"]) + ISSUED_AFTER
    return {
        "request_no": invoice["request_no"],
        "payment_ref": invoice["payment_ref"],
        "state": "ISSUED" if issued else "ISSUING",
        "invoice_no": invoice["invoice_no"] if issued else None,
        "invoice_url": f"{request.base_url}{root}/{invoice['request_no']}/file" if issued else None,
        "issued_at": issued_at.isoformat() if issued else None,
    }
