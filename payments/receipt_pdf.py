"""A receipt as PDF: one page, Chinese with English beside it, the same bytes each time.

STSong-Light is one of the CID fonts that PDF readers bring along, so no font file is shipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from core.clock import SHANGHAI
from core.money import capital_yuan, format_yuan
from core.texts import Named
from payments.receipts import Receipt
from payments.texts import RECEIPT_NOTE, RECEIPT_TITLE

_FONT = "STSong-Light"
_WIDTH, _HEIGHT = landscape(A5)
_LEFT, _COLUMN, _RIGHT = 40, 150, _WIDTH - 40
_LINE = 23
_INK, _FAINT = HexColor("#1f2933"), HexColor("#7b8794")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues the receipt, and to whom."""

    city: Named
    app: Named
    payer: str


def render(receipt: Receipt, issuer: Issuer) -> bytes:
    """The PDF of a receipt."""
    font, out = _font(), BytesIO()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=True)
    canvas.setTitle(f"{RECEIPT_TITLE.zh} {receipt.receipt_no}")
    canvas.setAuthor(issuer.app.zh)
    _head(canvas, font, receipt, issuer)
    y = _HEIGHT - 118
    for zh, en, value in _lines(receipt, issuer):
        _line(canvas, font, y, zh, en, value)
        y -= _LINE
    canvas.setFillColor(_FAINT)
    canvas.setFont(font, 7.5)
    canvas.drawString(_LEFT, 34, RECEIPT_NOTE.zh)
    canvas.drawString(_LEFT, 22, RECEIPT_NOTE.en)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _lines(receipt: Receipt, issuer: Issuer) -> Sequence[tuple[str, str, str]]:
    paid = receipt.payment
    left_fen = paid.captured_fen - paid.refunded_fen
    lines = [
        ("付款人", "Payer", issuer.payer),
        ("事项", "For", f"{paid.title_zh} / {paid.title_en}"),
        ("金额", "Amount", f"¥{format_yuan(paid.amount_fen)}    {capital_yuan(paid.amount_fen)}"),
        ("付款时间", "Paid at", _clock_time(paid.paid_at)),
        ("支付流水号", "Payment number", paid.psp_ref or ""),
        ("收款单位凭证号", "Payee's number", paid.fulfilment_ref or ""),
        ("开具时间", "Issued at", _clock_time(receipt.issued_at)),
    ]
    if paid.refunded_fen:
        back = f"¥{format_yuan(paid.refunded_fen)}    实付 / net ¥{format_yuan(left_fen)}"
        lines.insert(3, ("已退款", "Refunded", back))
    return lines


def _head(canvas: Canvas, font: str, receipt: Receipt, issuer: Issuer) -> None:
    canvas.setFillColor(_INK)
    canvas.setFont(font, 18)
    canvas.drawString(_LEFT, _HEIGHT - 52, RECEIPT_TITLE.zh)
    canvas.setFont(font, 9)
    canvas.drawString(_LEFT, _HEIGHT - 68, RECEIPT_TITLE.en)
    canvas.drawRightString(_RIGHT, _HEIGHT - 48, f"{issuer.city.zh} {issuer.app.zh}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 62, f"{issuer.city.en}, {issuer.app.en}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 76, f"No. {receipt.receipt_no}")
    canvas.setStrokeColor(_FAINT)
    canvas.line(_LEFT, _HEIGHT - 88, _RIGHT, _HEIGHT - 88)


def _line(canvas: Canvas, font: str, y: float, zh: str, en: str, value: str) -> None:
    canvas.setFillColor(_FAINT)
    canvas.setFont(font, 9)
    canvas.drawString(_LEFT, y, zh)
    canvas.setFont(font, 6.5)
    canvas.drawString(_LEFT, y - 9, en)
    canvas.setFillColor(_INK)
    size = 10.5
    while size > 6 and pdfmetrics.stringWidth(value, font, size) > _RIGHT - _COLUMN:
        size -= 0.5
    canvas.setFont(font, size)
    canvas.drawString(_COLUMN, y - 3, value)


def _clock_time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


@cache
def _font() -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    return _FONT
