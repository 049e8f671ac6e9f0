"""The picture of a day: what was paid in each hour by both sides' word, and where they differ."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

from core.money import format_yuan
from payments.reconciliation.domain import BreakKind

THEIRS, OURS = "#0072b2", "#e69f00"
COLOURS: Mapping[str, str] = {
    BreakKind.MISSING_HERE: "#d55e00",
    BreakKind.MISSING_THERE: "#cc79a7",
    BreakKind.AMOUNT: "#b00020",
    BreakKind.FEE: "#7a6a00",
    BreakKind.DATE: "#56b4e9",
    BreakKind.DUPLICATE: "#6a3d9a",
    BreakKind.REFUND: "#009e73",
}

_WIDTH, _LEFT, _TOP, _BARS, _LANE = 980, 150, 16, 220, 20
_HOUR = (_WIDTH - _LEFT - 12) / 24
_STEPS = 4
_DOTS_MAX = 5
"""Dots of one kind and hour; more of them are written as a number."""


def day(
    hours: Sequence[Sequence[int]],
    breaks: Sequence[tuple[str, int]],
    names: Mapping[str, str],
    label: str,
) -> str:
    """The picture as SVG: `hours` are 24 pairs (theirs, ours) in fen, `breaks` (kind, hour)."""
    kinds = [kind for kind in COLOURS if any(kind == found for found, _ in breaks)]
    floor = _TOP + _BARS
    height = floor + 34 + _LANE * len(kinds)
    step_fen = _step(max((amount for pair in hours for amount in pair), default=0))
    top_fen = _STEPS * step_fen
    parts = [_grid(step_fen), *(_bars(hour, pair, top_fen) for hour, pair in enumerate(hours))]
    parts += [
        f'<text x="{_LEFT + hour * _HOUR:.0f}" y="{floor + 18}" class="a m">{hour:02d}</text>'
        for hour in range(0, 25, 2)
    ]
    for lane, kind in enumerate(kinds):
        parts.append(_lane(kind, names[kind], breaks, floor + 40 + lane * _LANE))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _y(amount_fen: int, top_fen: int) -> float:
    return _TOP + _BARS * (1 - amount_fen / top_fen)


def _step(highest_fen: int) -> int:
    """The round number of yuan, in fen, of which the axis has `_STEPS`: 1, 2 or 5 and zeros."""
    step_fen = 100
    while True:
        for factor in (1, 2, 5):
            if step_fen * factor * _STEPS >= highest_fen:
                return step_fen * factor
        step_fen *= 10


def _grid(step_fen: int) -> str:
    lines = []
    for number in range(_STEPS + 1):
        y = _y(number, _STEPS)
        lines.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}" class="g"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" class="a e">{number * step_fen // 100:,}</text>'
        )
    return "".join(lines)


def _bars(hour: int, pair: Sequence[int], top_fen: int) -> str:
    """Two bars side by side; equal ones stand level."""
    parts = []
    for place, (amount_fen, colour) in enumerate(zip(pair, (THEIRS, OURS), strict=True)):
        if amount_fen:
            y = _y(amount_fen, top_fen)
            x = _LEFT + hour * _HOUR + 4 + place * (_HOUR - 8) / 2
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{(_HOUR - 10) / 2:.1f}" '
                f'height="{max(_TOP + _BARS - y, 1):.1f}" fill="{colour}">'
                f"<title>{hour:02d}:00 {format_yuan(amount_fen)}</title></rect>"
            )
    return "".join(parts)


def _lane(kind: str, name: str, breaks: Sequence[tuple[str, int]], y: int) -> str:
    """One kind of difference: a dot for each, in its hour."""
    by_hour: dict[int, int] = defaultdict(int)
    for found, hour in breaks:
        by_hour[hour] += found == kind
    colour = COLOURS[kind]
    parts = [
        f'<text x="{_LEFT - 8}" y="{y + 4}" class="a e" fill="{colour}">{escape(name)}</text>'
        f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{y}" y2="{y}" class="g"/>'
    ]
    for hour, count in by_hour.items():
        x = _LEFT + hour * _HOUR + 8
        if count > _DOTS_MAX:
            parts.append(f'<text x="{x:.1f}" y="{y + 4}" class="n" fill="{colour}">{count}</text>')
            continue
        parts += [
            f'<circle cx="{x + dot * 7:.1f}" cy="{y}" r="4.5" fill="{colour}" stroke="#fff"/>'
            for dot in range(count)
        ]
    return "".join(parts)
