"""A PDF of pages of facts: Chinese with English beside it, the same bytes each time.

STSong-Light is one of the CID fonts that PDF readers bring along, so no font file is shipped.
reportlab is loaded at the first sheet: it costs a process's start 0.1 s, and few processes draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from core.id_documents import DocumentKind
from core.texts import Named

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_FONT = "STSong-Light"
_WIDTH, _HEIGHT = 595.28, 419.53
"""A5 across, in points."""
_LEFT, _COLUMN, _RIGHT = 40, 150, _WIDTH - 40
_LINE, _QR = 23, 150
_INK, _FAINT = (0.12, 0.16, 0.20), (0.48, 0.53, 0.58)
"""Colours as shares of red, green and blue."""


@dataclass(frozen=True, slots=True)
class Line:
    """A fact: what it is in both languages, and its value."""

    zh: str
    en: str
    value: str


def document_title(kind: DocumentKind | None) -> tuple[str, str]:
    """What the number of somebody's identity document is called, in both languages."""
    if kind in (None, DocumentKind.RESIDENT_ID):
        return "身份证号码", "ID number"
    return "证件号码", "Document number"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the page. `qr` is the text of a code beside the lines, where there is one."""

    title: Named
    number: str
    city: Named
    issuer: Named
    lines: Sequence[Line]
    note: Named
    qr: str = ""


def render(*sheets: Sheet) -> bytes:
    """The PDF of sheets, each on a page of its own; the first names the document.

    Takes tens of milliseconds: to be called in a thread.
    """
    from reportlab.pdfgen.canvas import Canvas

    font, out = _font(), BytesIO()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=True)
    canvas.setTitle(f"{sheets[0].title.zh} {sheets[0].number}")
    canvas.setAuthor(sheets[0].issuer.zh)
    for sheet in sheets:
        _page(canvas, font, sheet)
    canvas.save()
    return out.getvalue()


def _page(canvas: "Canvas", font: str, sheet: Sheet) -> None:
    _head(canvas, font, sheet)
    right = _RIGHT - _QR - 10 if sheet.qr else _RIGHT
    for row, line in enumerate(sheet.lines):
        _line(canvas, font, _HEIGHT - 118 - row * _LINE, line, right)
    if sheet.qr:
        _draw_qr(canvas, sheet.qr)
    canvas.setFillColorRGB(*_FAINT)
    canvas.setFont(font, 7.5)
    canvas.drawString(_LEFT, 34, sheet.note.zh)
    canvas.drawString(_LEFT, 22, sheet.note.en)
    canvas.showPage()


def _head(canvas: "Canvas", font: str, sheet: Sheet) -> None:
    canvas.setFillColorRGB(*_INK)
    canvas.setFont(font, 18)
    canvas.drawString(_LEFT, _HEIGHT - 52, sheet.title.zh)
    canvas.setFont(font, 9)
    canvas.drawString(_LEFT, _HEIGHT - 68, sheet.title.en)
    canvas.drawRightString(_RIGHT, _HEIGHT - 48, f"{sheet.city.zh} {sheet.issuer.zh}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 62, f"{sheet.city.en}, {sheet.issuer.en}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 76, f"No. {sheet.number}")
    canvas.setStrokeColorRGB(*_FAINT)
    canvas.line(_LEFT, _HEIGHT - 88, _RIGHT, _HEIGHT - 88)


def _line(canvas: "Canvas", font: str, y: float, line: Line, right: float) -> None:
    from reportlab.pdfbase import pdfmetrics

    canvas.setFillColorRGB(*_FAINT)
    canvas.setFont(font, 9)
    canvas.drawString(_LEFT, y, line.zh)
    canvas.setFont(font, 6.5)
    canvas.drawString(_LEFT, y - 9, line.en)
    canvas.setFillColorRGB(*_INK)
    size = 10.5
    while size > 6 and pdfmetrics.stringWidth(line.value, font, size) > right - _COLUMN:
        size -= 0.5
    canvas.setFont(font, size)
    canvas.drawString(_COLUMN, y - 3, line.value)


def _draw_qr(canvas: "Canvas", text: str) -> None:
    from reportlab.graphics import renderPDF
    from reportlab.graphics.barcode.qr import QrCodeWidget
    from reportlab.graphics.shapes import Drawing

    drawing = Drawing(_QR, _QR)
    drawing.add(QrCodeWidget(text, barWidth=_QR, barHeight=_QR, barLevel="L"))
    renderPDF.draw(drawing, canvas, _RIGHT - _QR, _HEIGHT - 104 - _QR)


@cache
def _font() -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont

    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    return _FONT
