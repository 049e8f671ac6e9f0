"""The picture of a series: drawn as SVG, broken where there is nothing."""

from xml.etree import ElementTree

import pytest

from core.standards.sparkline import HEIGHT, WIDTH, draw

SVG = "{http://www.w3.org/2000/svg}"


def _parts(*arguments: object) -> dict[str, list[ElementTree.Element]]:
    root = ElementTree.fromstring(draw(*arguments))  # type: ignore[arg-type]
    assert root.tag == f"{SVG}svg" and root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    return {name: root.findall(f"{SVG}{name}") for name in ("title", "polyline", "circle", "line")}


def test_a_gap_breaks_the_line_and_one_value_alone_is_a_dot() -> None:
    parts = _parts([1.0, 2.0, None, 3.0, None, None, 2.0, 1.0, 2.0], "a & <b>")
    assert [len(str(line.get("points")).split()) for line in parts["polyline"]] == [2, 3]
    assert len(parts["circle"]) == 1
    assert parts["title"][0].text == "a & <b>"


def test_marks_that_are_far_away_are_left_out() -> None:
    assert len(_parts([10.0, 20.0], "x", (8.0, 24.0, 100.0))["line"]) == 2


@pytest.mark.parametrize("values", [[], [None], [None, None], [5.0], [5.0, 5.0]])
def test_nothing_and_the_same_are_drawn_too(values: list[float | None]) -> None:
    parts = _parts(values, "x")
    known = [value for value in values if value is not None]
    assert bool(known) == bool(parts["polyline"] or parts["circle"])


def test_all_is_within_the_picture() -> None:
    (line,) = _parts([3.0, -4.0, 1e6], "x", (0.0,))["polyline"]
    for spot in str(line.get("points")).split():
        x, y = map(float, spot.split(","))
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
