"""Small maps of streets for tests, written as OpenStreetMap's XML."""

from collections.abc import Mapping

HOME = (36.62, 117.0)
_PER_DEGREE = 111_195.0
_EAST = 0.80257  # the cosine of the latitude
PLACES = {
    "a": (0, 0), "b": (300, 0), "c": (600, 0),
    "d": (0, 100), "e": (300, 100), "f": (600, 100),
    "g": (3_000, 3_000), "h": (3_050, 3_000), "y": (4_600, 0), "z": (450, 0),
}  # fmt: skip
"""Metres east and north of home."""


def point(name: str) -> tuple[float, float]:
    """Latitude and longitude of a place."""
    east, north = PLACES[name]
    return HOME[0] + north / _PER_DEGREE, HOME[1] + east / _PER_DEGREE / _EAST


def map_of(*ways: tuple[str, Mapping[str, str]], without: str = "") -> bytes:
    """A map of ways, each the names of its places and its tags; `without` some of the places."""
    numbers = {name: number for number, name in enumerate(PLACES, 1)}
    nodes = "".join(
        f'<node id="{numbers[name]}" version="1" lat="{point(name)[0]:.7f}" '
        f'lon="{point(name)[1]:.7f}"/>'
        for name in PLACES
        if name not in without
    )
    lines = ""
    for number, (names, tags) in enumerate(ways, 1):
        refs = "".join(f'<nd ref="{numbers[name]}"/>' for name in names.split())
        told = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
        lines += f'<way id="{number}" version="1">{refs}{told}</way>'
    return (
        f'<?xml version="1.0"?><osm version="0.6" generator="tests">{nodes}{lines}</osm>'.encode()
    )
