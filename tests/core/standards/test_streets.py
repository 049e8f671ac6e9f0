"""Walks along streets: by a small map that is drawn here, and by published ones."""

from pathlib import Path

import numpy as np
import pytest

from core.standards.streets.extract import StreetsError, is_walked, read_streets
from core.standards.streets.graph import PIECE_MAX_M, StreetGraph
from tests.shared_data import shared
from tests.streets import map_of, point


def _far(streets: StreetGraph, a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres from street to street between two points."""
    ends = np.array([a, b])
    (here, there), _ = streets.nearest(ends[:, 0], ends[:, 1])
    return float(streets.walk_from(int(here), 50_000.0)[there])


def _read(folder: Path, *ways: tuple[str, dict[str, str]]) -> StreetGraph:
    path = folder / "streets.osm"
    path.write_bytes(map_of(*ways))
    return read_streets(path, least=2)


RIVER = (
    ("a b c", {"highway": "residential"}),  # the near bank, 600 m from west to east
    ("d e f", {"highway": "tertiary"}),  # the far bank, 100 m north of it
    ("c f", {"highway": "primary", "bridge": "yes"}),
    ("a d", {"highway": "steps"}),
    ("b e", {"highway": "motorway"}),
)


def test_one_crosses_a_river_by_its_bridge(tmp_path: Path) -> None:
    streets = _read(tmp_path, *RIVER)
    assert _far(streets, point("b"), point("e")) == pytest.approx(300 + 100 + 300, abs=1)
    assert _far(streets, point("a"), point("d")) == pytest.approx(100, abs=1)
    level = streets.without_steps(least=2)
    assert _far(level, point("a"), point("d")) == pytest.approx(600 + 100 + 600, abs=1)


def test_pieces_are_short_and_go_both_ways(tmp_path: Path) -> None:
    streets = _read(tmp_path, *RIVER)
    assert streets.metres.min() > 0 and streets.metres.max() <= PIECE_MAX_M
    pieces = {
        (place, int(there), round(float(metres), 6))
        for place in range(len(streets.lat))
        for there, metres in zip(
            streets.to[streets.first[place] : streets.first[place + 1]],
            streets.metres[streets.first[place] : streets.first[place + 1]],
            strict=True,
        )
    }
    assert {(b, a) for a, b, _ in pieces} == {(a, b) for a, b, _ in pieces}


def test_every_pair_is_as_far_as_one_by_one(tmp_path: Path) -> None:
    streets = _read(tmp_path, *RIVER)
    places = np.array([0, 7, 7, 30, 45], np.int32)
    pairs = {(a, b): metres for a, b, metres in streets.walks_between(places, 400.0)}
    expected = {
        (a, b): float(streets.walk_from(int(one), 400.0)[other])
        for a, one in enumerate(places)
        for b, other in enumerate(places)
        if a != b
    }
    assert pairs == {pair: metres for pair, metres in expected.items() if np.isfinite(metres)}
    assert pairs[1, 2] == 0.0


def test_a_path_that_leads_nowhere_and_the_edge_of_the_map_are_left_out(tmp_path: Path) -> None:
    yard = ("g h", {"highway": "footway"})
    cut = ("a b z c", {"highway": "residential"})  # z lies beyond the extract
    path = tmp_path / "streets.osm"
    path.write_bytes(map_of(cut, yard, without="z"))
    with pytest.raises(StreetsError, match="no streets"):
        read_streets(path)
    streets = read_streets(path, least=10)
    far = np.array([point("c"), point("g")])
    _, off_m = streets.nearest(far[:, 0], far[:, 1])
    assert off_m[0] == pytest.approx(300, abs=1) and off_m[1] > 3_000


@pytest.mark.parametrize("content", [b"", b"<osm/>", b"no map at all", b"<osm><way id='x'/></osm>"])
def test_what_is_no_map_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "streets.osm"
    path.write_bytes(content)
    with pytest.raises(StreetsError):
        read_streets(path)


@pytest.mark.parametrize(
    ("tags", "walked"),
    [
        ({"highway": "residential"}, True),
        ({"highway": "motorway"}, False),
        ({"highway": "motorway", "foot": "yes"}, True),
        ({"highway": "trunk", "motorroad": "yes"}, False),
        ({"highway": "service", "access": "private"}, False),
        ({"highway": "service", "access": "no", "foot": "designated"}, True),
        ({"highway": "primary", "foot": "no"}, False),
        ({"highway": "primary", "foot": "use_sidepath"}, False),
        ({"highway": "construction", "foot": "yes"}, False),
        ({"highway": "steps"}, True),
        ({"railway": "rail"}, False),
    ],
)
def test_where_people_walk(tags: dict[str, str], walked: bool) -> None:
    assert is_walked(tags) is walked


PUBLISHED = [
    ("monaco.osm.gz", (43.730729, 7.421288), (43.727697, 7.419199), 1566),
    ("monaco.osm.gz", (43.727687, 7.418737), (43.74958, 7.436566), 3438),
    ("monaco.osm.gz", (43.728677, 7.41016), (43.739213, 7.427806), 2085),
    ("monaco.osm.gz", (43.733802, 7.413433), (43.739662, 7.424355), 1425),
    ("andorra.osm.pbf", (42.56819, 1.603231), (42.571034, 1.520662), 16460),
    ("andorra.osm.pbf", (42.529176, 1.571302), (42.571034, 1.520662), 12840),
]


@pytest.mark.parametrize(("name", "a", "b", "metres"), PUBLISHED)
def test_walks_are_as_long_as_graphhopper_says(
    name: str, a: tuple[float, float], b: tuple[float, float], metres: int
) -> None:
    """On its own maps (`core/files`), what its RoutingAlgorithmWithOSMTest expects on foot. It
    rather walks on quiet streets than on the shortest ones: a little more, in Andorra's valleys."""
    found = _far(read_streets(shared(f"streets/{name}")), a, b)
    assert found == pytest.approx(metres, rel=0.004 if "monaco" in name else 0.012)
