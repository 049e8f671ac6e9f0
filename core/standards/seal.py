"""A round red seal (公章), drawn: a circle, the name along it, a star.

The form is that of the State Council's rules on seals (国发〔1999〕25号): round, the name along the
circle from left to right, a star in the middle. It proves nothing by itself: the signature does,
in whose field it stands.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

Box = tuple[int, int, int, int]
"""Left, bottom, right and top, in points."""
_RED = (0.86, 0.12, 0.12)
_ARC = math.radians(250)
"""How much of the circle a name may take."""
_KIND = "电子签章"


def draw_seal(canvas: "Canvas", font: str, name: str, box: Box) -> None:
    """Draw the seal of `name`, as wide as the box."""
    left, bottom, right, top = box
    radius = (right - left) / 2
    canvas.saveState()
    canvas.setStrokeColorRGB(*_RED)
    canvas.setFillColorRGB(*_RED)
    canvas.translate(left + radius, (bottom + top) / 2)
    canvas.setLineWidth(radius * 0.05)
    canvas.circle(0, 0, radius * 0.97)
    _draw_star(canvas, radius * 0.3)
    _draw_along(canvas, font, name, radius)
    canvas.setFont(font, radius * 0.18)
    canvas.drawCentredString(0, -radius * 0.58, _KIND)
    canvas.restoreState()


def _draw_star(canvas: "Canvas", radius: float) -> None:
    path = canvas.beginPath()
    for point in range(5):
        angle = math.pi / 2 + point * 4 * math.pi / 5
        move = path.lineTo if point else path.moveTo
        move(radius * math.cos(angle), radius * math.sin(angle))
    path.close()
    canvas.drawPath(path, stroke=0, fill=1, fillMode=1)


def _draw_along(canvas: "Canvas", font: str, name: str, radius: float) -> None:
    """A name along the circle's inside, its middle at the top; the more of it, the smaller."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    line = radius * 0.68
    width = sum(stringWidth(char, font, 1) for char in name) * 1.15
    size = min(radius * 0.24, _ARC * line / width)
    angle = width * size / line / 2
    canvas.setFont(font, size)
    for char in name:
        half = stringWidth(char, font, size) * 1.15 / line / 2
        canvas.saveState()
        canvas.rotate(math.degrees(angle - half))
        canvas.drawCentredString(0, line, char)
        canvas.restoreState()
        angle -= 2 * half
