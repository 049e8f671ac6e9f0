"""A growth chart as SVG 1.1: the standard's percentiles as curves, the child's measurements on it.

For whom it cannot be seen, its `<title>` says in words what it shows, and the same stands as data.
"""

from collections.abc import Sequence
from html import escape
from statistics import NormalDist

from modules.health.programmes.domain import Quantity
from modules.health.programmes.infant.growth import LAST_DAY, Sex, lms_of
from modules.health.programmes.infant.programme import GrowthPoint

WIDTH, HEIGHT, MARGIN = 360, 240, 28
CURVES = (3, 15, 50, 85, 97)
"""The percentiles that WHO's own charts show."""
_STEP = 14
_LEAST_DAYS = 365
_GREY, _BLUE, _RED = "#adb5bd", "#1864ab", "#c92a2a"


def draw(sex: Sex, quantity: Quantity, points: Sequence[GrowthPoint], title: str) -> str:
    """The chart of one quantity, oldest first; the age is the one that is compared.

    Points before term or after the standard's last day have no place on it.
    """
    shown = [point for point in points if point.z is not None]
    last = max((point.compared_age_days for point in shown), default=0)
    until = min(LAST_DAY, max(_LEAST_DAYS, last + 60))
    curves = [_curve(sex, quantity, percent, until) for percent in CURVES]
    values = [value for curve in curves for _, value in curve] + [p.value for p in shown]
    low, high = min(values), max(values)

    def spot(day: float, value: float) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * day / until
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (value - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = []
    for percent, curve in zip(CURVES, curves, strict=True):
        colour = _RED if percent in (CURVES[0], CURVES[-1]) else _GREY
        line = " ".join(spot(day, value) for day, value in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}"/>')
        x, y = spot(*curve[-1]).split(",")
        parts.append(f'<text x="{x}" y="{y}" font-size="8">P{percent}</text>')
    for point in shown:
        x, y = spot(point.compared_age_days, point.value).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{_BLUE}"/>')
    if len(shown) > 1:
        line = " ".join(spot(point.compared_age_days, point.value) for point in shown)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_BLUE}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _curve(sex: Sex, quantity: Quantity, percent: int, until: int) -> Sequence[tuple[int, float]]:
    z = NormalDist().inv_cdf(percent / 100)
    days = (*range(0, until, _STEP), until)
    found = [(day, lms_of(sex, quantity, day)) for day in days]
    return [(day, lms.value(z)) for day, lms in found if lms is not None]
