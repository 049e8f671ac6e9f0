"""Pictures for reports as inline SVG: no script, no font, no file beside the page.

One small plot area with axes, lines and bars. Colours keep their distance for colour-blind
readers (Okabe & Ito).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

BLUE, ORANGE, GREEN, GREY, RED = "#0072b2", "#e69f00", "#009e73", "#8a8a8a", "#d55e00"
WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 30, 44

Points = Sequence[Sequence[float]]


@dataclass
class Plot:
    """A plot area of given ranges; draw into it, then take `svg`."""

    title: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_label: str = ""
    y_label: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = BOTTOM
    _shapes: list[str] = field(default_factory=list)
    _legend: list[tuple[str, str]] = field(default_factory=list)

    def x(self, value: float) -> float:
        """Pixel of a value on the horizontal axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low or 1) * (self.width - self.left - RIGHT)

    def y(self, value: float) -> float:
        """Pixel of a value on the vertical axis."""
        low, high = self.y_range
        span = self.height - TOP - self.bottom
        return TOP + (1 - (value - low) / (high - low or 1)) * span

    def line(self, points: Points, colour: str, label: str = "", *, dashed: bool = False) -> None:
        """A polyline; named in the legend if labelled."""
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        self._name(label, colour)

    def dots(self, points: Points, colour: str, label: str = "") -> None:
        """Round marks."""
        self._shapes += [
            f'<circle cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="4" fill="{colour}"/>'
            for a, b in points
        ]
        self._name(label, colour)

    def bar(self, x0: float, x1: float, y: float, colour: str, *, opacity: float = 1.0) -> None:
        """A bar from the zero line to a value."""
        zero = self.y(min(max(0.0, self.y_range[0]), self.y_range[1]))
        top, base = sorted((self.y(y), zero))
        a, b = self.x(x0), self.x(x1)
        self._shapes.append(
            f'<rect x="{a:.1f}" y="{top:.1f}" width="{max(b - a - 1, 0.5):.1f}" '
            f'height="{base - top:.1f}" fill="{colour}" fill-opacity="{opacity}"/>'
        )

    def label(self, label: str, colour: str) -> None:
        """Name a colour in the legend."""
        self._name(label, colour)

    def _name(self, label: str, colour: str) -> None:
        if label:
            self._legend.append((label, colour))

    def svg(self, ticks: Sequence[tuple[float, str]] | None = None) -> str:
        """The finished picture; `ticks` replace the horizontal axis's own."""
        across = ticks if ticks is not None else _ticks(self.x_range)
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}" xmlns="http://www.w3.org/2000/svg">'
            f'<text x="{self.left}" y="18" class="t">{escape(self.title)}</text>'
            + self._grid(across)
            + "".join(self._shapes)
            + self._key()
            + "</svg>"
        )

    def _grid(self, across: Sequence[tuple[float, str]]) -> str:
        parts = []
        floor = self.height - self.bottom
        for value, text in _ticks(self.y_range):
            y = self.y(value)
            parts.append(
                f'<line x1="{self.left}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'class="g"/><text x="{self.left - 6}" y="{y + 4:.1f}" class="a e">{text}</text>'
            )
        for value, text in across:
            parts.append(
                f'<text x="{self.x(value):.1f}" y="{floor + 16}" class="a m">{escape(text)}</text>'
            )
        middle = (self.left + self.width - RIGHT) / 2
        parts.append(
            f'<text x="{middle:.0f}" y="{self.height - 8}" class="a m">'
            f"{escape(self.x_label)}</text>"
            f'<text x="13" y="{(TOP + floor) / 2:.0f}" class="a m" '
            f'transform="rotate(-90 13 {(TOP + floor) / 2:.0f})">{escape(self.y_label)}</text>'
        )
        return "".join(parts)

    def _key(self) -> str:
        """Legend inside the plot: upper left, one entry a line."""
        parts = []
        for i, (label, colour) in enumerate(self._legend):
            y = TOP + 14 + 16 * i
            parts.append(
                f'<rect x="{self.left + 10}" y="{y - 8}" width="14" height="4" fill="{colour}"/>'
                f'<text x="{self.left + 30}" y="{y - 2}" class="a">{escape(label)}</text>'
            )
        return "".join(parts)


def horizontal_bars(
    title: str, rows: Sequence[tuple[str, float]], colour: str = BLUE, width: int = WIDTH
) -> str:
    """Named bars, longest names kept whole; values written at their ends."""
    step, left = 20, 170
    height = 34 + step * len(rows)
    longest = max((abs(value) for _, value in rows), default=1.0) or 1.0
    parts = [f'<text x="8" y="18" class="t">{escape(title)}</text>']
    for i, (name, value) in enumerate(rows):
        y = 30 + step * i
        size = abs(value) / longest * (width - left - 60)
        parts.append(
            f'<text x="{left - 6}" y="{y + 12}" class="a e">{escape(name)}</text>'
            f'<rect x="{left}" y="{y + 2}" width="{size:.1f}" height="13" fill="{colour}"/>'
            f'<text x="{left + size + 4:.1f}" y="{y + 12}" class="a">{value:.3f}</text>'
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def intervals(
    title: str, rows: Sequence[tuple[str, float, float, float, bool]], mark: float
) -> str:
    """Named values with intervals on one axis around a mark; flagged ones in red."""
    step, left, width = 18, 170, WIDTH
    height = 48 + step * len(rows)
    top = max([1.3, *(min(row[3], 2.0) for row in rows)])
    scale = (width - left - 20) / top

    def x(value: float) -> float:
        return left + min(value, top) * scale

    parts = [
        f'<text x="8" y="18" class="t">{escape(title)}</text>',
        f'<line x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="26" y2="{height - 20}" '
        f'stroke="{RED}" stroke-dasharray="4 3"/>',
        f'<line x1="{x(1):.1f}" x2="{x(1):.1f}" y1="26" y2="{height - 20}" class="g"/>',
    ]
    for i, (name, value, low, high, flagged) in enumerate(rows):
        y = 36 + step * i
        colour = RED if flagged else BLUE
        parts.append(
            f'<text x="{left - 6}" y="{y + 4}" class="a e">{escape(name)}</text>'
            f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y}" y2="{y}" stroke="{colour}" '
            f'stroke-width="2"/><circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{colour}"/>'
        )
    for value in (0.0, mark, 1.0):
        parts.append(f'<text x="{x(value):.1f}" y="{height - 6}" class="a m">{value:g}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _ticks(span: tuple[float, float]) -> list[tuple[float, str]]:
    low, high = span
    raw = (high - low) / 5 or 1
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [(k * step, f"{round(k * step, 10):g}") for k in range(first, last + 1)]
