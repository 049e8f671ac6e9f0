"""The grid base map: some 330 km² in squares, each with a code and a worker."""

import random
from functools import lru_cache

from sandbox.population.geography import Place
from sandbox.server.system import City, System
from sandbox.shared.features import feature, items_operation
from sandbox.shared.registry import Record

SIDE_M, ACROSS = 400, 46
"""46 × 46 squares of 400 m are 338 km²."""
DISTRICTS = ("370102", "370103", "370104", "370105")
STREETS_A_DISTRICT, COMMUNITIES_A_STREET = 8, 6


def grids(city: City) -> list[Record]:
    """Every grid, row by row from the south-west."""
    return _grids(city.settings.seed, city.geography.centre)


@lru_cache(maxsize=4)
def _grids(seed: int, centre: Place) -> list[Record]:
    counts: dict[str, int] = {}
    made = []
    for row in range(ACROSS):
        for column in range(ACROSS):
            community = _community(row, column)
            counts[community] = counts.get(community, 0) + 1
            code = f"{community}{counts[community]:03d}"
            made.append(_grid(seed, centre, code, row, column))
    return made


def _community(row: int, column: int) -> str:
    """Twelve digits: district (6), street (3), community (3), neighbours together."""
    half = ACROSS // 2
    quarter = (row >= half) * 2 + (column >= half)
    street = 1 + (row % half) * STREETS_A_DISTRICT // half
    community = 1 + (column % half) * COMMUNITIES_A_STREET // half
    return f"{DISTRICTS[quarter]}{street:03d}{community:03d}"


def _grid(seed: int, centre: Place, code: str, row: int, column: int) -> Record:
    draw = random.Random(f"{seed}:grid:{code}")
    west, south = (column - ACROSS / 2) * SIDE_M, (row - ACROSS / 2) * SIDE_M
    corners = ((0, 0), (SIDE_M, 0), (SIDE_M, SIDE_M), (0, SIDE_M), (0, 0))
    ring = [centre.moved(west + east, south + north) for east, north in corners]
    return feature(
        code,
        {"type": "Polygon", "coordinates": [[[place.lon, place.lat] for place in ring]]},
        {
            "grid_code": code,
            "street_zh": f"示范{int(code[6:9])}街道", "street_en": f"Subdistrict {int(code[6:9])}",
            "community_zh": f"样例{int(code[9:12])}社区",
            "community_en": f"Community {int(code[9:12])}",
            "worker_zh": f"{draw.choice('赵钱孙李周吴')}网格员",
            "worker_phone": f"199{draw.randrange(10**8):08d}",
            "contact_ref": f"grid-{code}",
            "contact_hours": "Mo-Su 08:00-20:00",
        },
    )  # fmt: skip


SYSTEMS = (
    System(
        name="grids",
        title_zh="网格基础地图",
        title_en="Grid base map",
        operations=(items_operation("/grids", "grids", grids),),
    ),
)
