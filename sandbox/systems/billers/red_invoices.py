"""Red-letter invoices: each cancels one invoice in whole, as the tax authority's platform has it.

Of an invoice that its buyer has entered into the books the buyer confirms a form first, within 72
hours. One whose tax was refunded for an export is not cancelled before that is taken back.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from core.money import format_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.systems.billers import invoices, ledger, red_forms
from sandbox.systems.billers.tariff import Utility


class Application(Body):
    """Which invoice is to be cancelled, and why: 01 to 04 of the tax authority's reasons."""

    red_ref: str = Field(min_length=1, max_length=64)
    invoice_no: str = Field(min_length=1, max_length=64)
    reason: Literal["01", "02", "03", "04"]


class Answer(Body):
    """What the buyer says to a form."""

    agreed: bool


async def apply(request: Request, city: City, utility: Utility) -> Response:
    """Cancel an invoice. The same `red_ref` is the same form.

    Raises Refusal 404 NO_SUCH_INVOICE, 409 INVOICE_USED, INVOICE_CANCELLED, FORM_UNDER_WAY or
    RED_REF_REUSED.
    """
    body = await read_body(request, Application)
    with city.state.transaction():
        known = red_forms.find(city, utility, body.red_ref)
        if known is None:
            _begin(city, utility, body)
            known = red_forms.find(city, utility, body.red_ref)
        elif known["invoice_no"] != body.invoice_no:
            raise Refusal(409, "RED_REF_REUSED", "this form cancels another invoice")
    assert known is not None
    return reply(_describe(request, city, utility, known), 202)


async def answer(request: Request, city: City, utility: Utility) -> Response:
    """The buyer confirms or denies the form of an invoice at the tax authority's platform."""
    body = await read_body(request, Answer)
    with city.state.transaction():
        open_ = [
            one
            for one in red_forms.list_of(city, request.path_params["invoice_no"])
            if red_forms.form_state(city, one) == "02"
        ]
        if not open_:
            raise Refusal(404, "NO_SUCH_FORM", "no form of this invoice awaits its buyer")
        city.state.run(
            "UPDATE biller_red_invoice SET agreed = ?, answered_at = ? WHERE red_invoice_no = ?",
            (int(body.agreed), city.now().isoformat(), open_[0]["red_invoice_no"]),
        )
    return reply({"agreed": body.agreed})


async def show(request: Request, city: City, utility: Utility) -> Response:
    """The red-letter invoice itself, plainly marked as a sandbox's."""
    found = red_forms.find(city, utility, request.path_params["red_ref"])
    if found is None or not red_forms.is_issued(city, found):
        raise Refusal(404, "NO_SUCH_INVOICE", "not issued")
    invoice = invoices.find_issued(city, utility, found["invoice_no"])
    assert invoice is not None
    written = ledger.find_write_off(city, utility, invoice["payment_ref"])
    assert written is not None
    return HTMLResponse(
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>沙盒红字发票</title>'
        f"<h1>沙盒红字电子发票 · Sandbox red-letter invoice</h1>"
        f"<p>{found['red_invoice_no']} 冲销 {found['invoice_no']}</p>"
        f"<p>价税合计 ¥-{format_yuan(written['amount_fen'])}</p></html>"
    )


def _begin(city: City, utility: Utility, body: Application) -> None:
    invoice = invoices.find_issued(city, utility, body.invoice_no)
    if invoice is None:
        raise Refusal(404, "NO_SUCH_INVOICE", "no such invoice of this biller")
    if invoice["used_for"] == "export":
        raise Refusal(409, "INVOICE_USED", "used for an export refund: take that back first")
    if red_forms.is_cancelled(city, body.invoice_no):
        raise Refusal(409, "INVOICE_CANCELLED", "cancelled already")
    if any(
        red_forms.form_state(city, one) not in ("05", "07")
        for one in red_forms.list_of(city, body.invoice_no)
    ):
        raise Refusal(409, "FORM_UNDER_WAY", "another form of this invoice is under way")
    city.state.run(
        "INSERT INTO biller_red_invoice (kind, red_ref, invoice_no, reason, awaits_buyer, "
        "requested_at, red_invoice_no) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (utility.kind, body.red_ref, body.invoice_no, body.reason,
         int(invoice["used_for"] == "books"), city.now().isoformat(),
         f"{city.today():%y}{city.serial('invoice_no')}"),
    )  # fmt: skip


def _describe(request: Request, city: City, utility: Utility, red: Row) -> dict[str, object]:
    issued, state = red_forms.is_issued(city, red), red_forms.form_state(city, red)
    confirm_by = datetime.fromisoformat(red["requested_at"]) + red_forms.CONFIRM_WITHIN
    url = f"{request.base_url}billers/{utility.kind}/red-invoices/{red['red_ref']}/file"
    return {
        "red_ref": red["red_ref"],
        "form_state": state,
        "confirm_by": confirm_by.isoformat() if state == "02" else None,
        "red_invoice_no": red["red_invoice_no"] if issued else None,
        "red_invoice_url": url if issued else None,
        "issued_at": red_forms.issued_at(red).isoformat() if issued else None,
    }
