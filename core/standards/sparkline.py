"""A small picture of a series over time as SVG 1.1: a line that is broken where there is nothing.

For whom it cannot be seen, its `<title>` says in words what it shows.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby

WIDTH, HEIGHT, MARGIN = 320, 96, 6
COLOURS = {"line": "#1864ab", "mark": "#c92a2a"}


def draw(values: Sequence[float | None], title: str, marks: Sequence[float] = ()) -> str:
    """The picture of values at equal distances, oldest first; None is a gap and draws nothing.

    `marks` are drawn as dashed lines across, where they lie within half the series' range of it.
    """
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    reach = (high - low) / 2 or 1.0
    marks = [mark for mark in marks if low - reach <= mark <= high + reach]
    low, high = min((low, *marks)), max((high, *marks))
    parts = [_mark(_y(mark, low, high)) for mark in marks]
    for is_known, run in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if is_known:
            spots = [(_x(at, len(values)), _y(value or 0.0, low, high)) for at, value in run]
            parts.append(_line(spots))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _x(at: int, count: int) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * at / max(1, count - 1)


def _y(value: float, low: float, high: float) -> float:
    return HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / ((high - low) or 1.0)


def _mark(y: float) -> str:
    ends = f'x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}"'
    return f'<line {ends} stroke="{COLOURS["mark"]}" stroke-dasharray="4 3"/>'


def _line(spots: Sequence[tuple[float, float]]) -> str:
    """A run without gaps; one value alone is a dot."""
    if len(spots) == 1:
        (x, y), *_ = spots
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2" fill="{COLOURS["line"]}"/>'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<polyline points="{points}" fill="none" stroke="{COLOURS["line"]}"/>'
