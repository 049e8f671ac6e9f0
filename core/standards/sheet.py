"""A PDF of pages of facts: Chinese with English beside it, the same bytes each time.

What a sheet uses of the font stands in it, so that every reader shows it alike.
reportlab is loaded at the first sheet: it costs a process's start 0.1 s, and few processes draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from io import BytesIO
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from core.id_documents import DocumentKind
from core.standards.seal import Box, draw_seal
from core.texts import Named

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_FONT = "WenQuanYi Micro Hei"
"""It has all of GBK's Chinese characters; from a package that holds nothing else."""
_FONT_FILE = ("paperang_p2_fonts_cjk", "fonts/wqy-microhei.ttc")
_RARE_FONT = "STSong-Light"
"""For rarer characters of the BMP, as of names: a CID font of Adobe-GB1 that readers bring along.
What is beyond the BMP is a box on the page."""
_WIDTH, _HEIGHT = 595.28, 419.53
"""A5 across, in points."""
_LEFT, _COLUMN, _RIGHT = 40, 150, _WIDTH - 40
_LINE, _QR = 23, 150
_INK, _FAINT = (0.12, 0.16, 0.20), (0.48, 0.53, 0.58)
"""Colours as shares of red, green and blue."""
_one_at_a_time = Lock()
"""reportlab reads a font file from one place for all threads."""
SEAL_BOX: Box = (455, 58, 555, 158)
"""Where the last page bears its seal."""
_SEALED = Named(
    "本文件已加盖电子签章:内容如有改动,用 PDF 阅读器验证签名即可发现。",
    "Sealed electronically: a PDF reader that verifies the signature finds any change.",
)


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


def render(*sheets: Sheet, seal: str = "") -> bytes:
    """The PDF of sheets, each on a page of its own; the first names the document.

    `seal` is whose seal the last page bears, in SEAL_BOX; it is ink until the PDF is signed.
    Takes tens of milliseconds, the first in a process 0.3 s: to be called in a thread.
    """
    with _one_at_a_time:
        return _render(sheets, seal)


def _render(sheets: Sequence[Sheet], seal: str) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    _register_fonts()
    out = BytesIO()
    canvas = Canvas(out, pagesize=(_WIDTH, _HEIGHT), invariant=True, initialFontName=_FONT)
    canvas.setTitle(f"{sheets[0].title.zh} {sheets[0].number}")
    canvas.setAuthor(sheets[0].issuer.zh)
    for number, sheet in enumerate(sheets, 1):
        if seal and number == len(sheets):
            draw_seal(canvas, _FONT, seal, SEAL_BOX)
        _page(canvas, sheet)
        if seal:
            canvas.setFont(_FONT, 6.5)
            canvas.drawString(_LEFT, 48, f"{_SEALED.zh} {_SEALED.en}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _page(canvas: "Canvas", sheet: Sheet) -> None:
    _head(canvas, sheet)
    right = _RIGHT - _QR - 10 if sheet.qr else _RIGHT
    for row, line in enumerate(sheet.lines):
        _line(canvas, _HEIGHT - 118 - row * _LINE, line, right)
    if sheet.qr:
        _draw_qr(canvas, sheet.qr)
    canvas.setFillColorRGB(*_FAINT)
    canvas.setFont(_FONT, 7.5)
    canvas.drawString(_LEFT, 34, sheet.note.zh)
    canvas.drawString(_LEFT, 22, sheet.note.en)


def _head(canvas: "Canvas", sheet: Sheet) -> None:
    canvas.setFillColorRGB(*_INK)
    canvas.setFont(_FONT, 18)
    canvas.drawString(_LEFT, _HEIGHT - 52, sheet.title.zh)
    canvas.setFont(_FONT, 9)
    canvas.drawString(_LEFT, _HEIGHT - 68, sheet.title.en)
    canvas.drawRightString(_RIGHT, _HEIGHT - 48, f"{sheet.city.zh} {sheet.issuer.zh}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 62, f"{sheet.city.en}, {sheet.issuer.en}")
    canvas.drawRightString(_RIGHT, _HEIGHT - 76, f"No. {sheet.number}")
    canvas.setStrokeColorRGB(*_FAINT)
    canvas.line(_LEFT, _HEIGHT - 88, _RIGHT, _HEIGHT - 88)


def _line(canvas: "Canvas", y: float, line: Line, right: float) -> None:
    from reportlab.pdfbase import pdfmetrics

    canvas.setFillColorRGB(*_FAINT)
    canvas.setFont(_FONT, 9)
    canvas.drawString(_LEFT, y, line.zh)
    canvas.setFont(_FONT, 6.5)
    canvas.drawString(_LEFT, y - 9, line.en)
    canvas.setFillColorRGB(*_INK)
    runs = ["".join(run) for _, run in groupby(line.value, _font_of)]
    widths = [pdfmetrics.stringWidth(run, _font_of(run[0]), 1) for run in runs]
    size = 10.5
    while size > 6 and sum(widths) * size > right - _COLUMN:
        size -= 0.5
    x: float = _COLUMN
    for run, width in zip(runs, widths, strict=True):
        canvas.setFont(_font_of(run[0]), size)
        canvas.drawString(x, y - 3, run)
        x += width * size


def _draw_qr(canvas: "Canvas", text: str) -> None:
    from reportlab.graphics import renderPDF
    from reportlab.graphics.barcode.qr import QrCodeWidget
    from reportlab.graphics.shapes import Drawing

    drawing = Drawing(_QR, _QR)
    drawing.add(QrCodeWidget(text, barWidth=_QR, barHeight=_QR, barLevel="L"))
    renderPDF.draw(drawing, canvas, _RIGHT - _QR, _HEIGHT - 104 - _QR)


def _font_of(char: str) -> str:
    from reportlab.pdfbase import pdfmetrics

    is_known = ord(char) in pdfmetrics.getFont(_FONT).face.charToGlyph
    return _FONT if is_known or char > "\uffff" else _RARE_FONT


@cache
def _register_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.ttfonts import TTFont

    package, name = _FONT_FILE
    with as_file(files(package) / name) as path:
        pdfmetrics.registerFont(TTFont(_FONT, path, subfontIndex=0))
    pdfmetrics.registerFont(UnicodeCIDFont(_RARE_FONT))
