"""Reads the streets on which people walk from an extract of OpenStreetMap (.osm.pbf, .osm, .gz).

What may be walked follows the defaults of the project's own table for routing, of which the worst
case of all countries is taken for motorways
(https://wiki.openstreetmap.org/wiki/OSM_tags_for_routing/Access_restrictions), and the keys
`access`, `foot` and `motorroad`.
"""

from array import array
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.standards.streets.graph import StreetGraph, make_graph

LEAST = 100
"""Streets that hang together with fewer places than this are left out."""
_WALKED = frozenset(
    "trunk trunk_link primary primary_link secondary secondary_link tertiary tertiary_link "
    "unclassified residential living_street pedestrian service track road footway path steps "
    "bridleway cycleway corridor platform crossing".split()
)
_ALLOWS = frozenset("yes designated permissive official destination customers".split())
_FORBIDS = frozenset("no private military delivery agricultural forestry use_sidepath".split())


class StreetsError(ValueError):
    """A file that is no extract, or has no streets."""


def is_walked(tags: Mapping[str, str]) -> bool:
    """Whether people walk along a way with these tags."""
    foot = tags.get("foot", "")
    if foot in _ALLOWS:
        return tags.get("highway", "") not in ("construction", "proposed")
    if tags.get("highway") not in _WALKED or foot in _FORBIDS or tags.get("motorroad") == "yes":
        return False
    return tags.get("access", "") not in _FORBIDS


def read_streets(path: Path, *, least: int = LEAST) -> StreetGraph:
    """The graph of an extract. Raises StreetsError."""
    import osmium  # loaded when somebody plans: no other process needs it

    numbers: dict[int, int] = {}
    lat, lon, ends, is_steps = array("d"), array("d"), array("i"), array("b")
    try:
        ways = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
        ways = ways.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
        for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
            tags = dict(way.tags)
            if not is_walked(tags):
                continue
            before = -1
            for node in way.nodes:
                if not node.location.valid():  # beyond the edge of the extract
                    before = -1
                    continue
                number = numbers.setdefault(node.ref, len(numbers))
                if number == len(lat):
                    lat.append(node.lat)
                    lon.append(node.lon)
                if before not in (-1, number):
                    ends.extend((before, number))
                    is_steps.append(tags["highway"] == "steps")
                before = number
        return make_graph(
            np.array(lat),
            np.array(lon),
            np.array(ends, np.int32).reshape(-1, 2),
            np.array(is_steps, np.bool_),
            least=least,
        )
    except (RuntimeError, ValueError) as error:
        raise StreetsError(f"{path}: {error}") from None
