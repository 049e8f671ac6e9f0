"""Springs: where they are, the levels at which the city warns, and the level twice a day."""

import math
import random
from datetime import datetime, timedelta

from sandbox.server.system import City, System
from sandbox.shared.datastore import (
    chance,
    datastore_operations,
    observation_resource,
    station_resource,
    timestamp,
)
from sandbox.shared.registry import Record

EVERY, KEPT = timedelta(hours=12), timedelta(days=400)
GAP_PER_MILLE = 20
STATIONS = (
    ("s01", "示范泉", "Shifan Spring", 28.40, 27.60, 27.01),
    ("s02", "样例泉", "Yangli Spring", 28.30, 27.55, 26.95),
    ("s03", "沙盒潭", "Shahe Pool", 28.55, 27.80, 27.20),
)
"""Id, Chinese and English name, mean level, yellow and red warning level in metres."""
SILENT_STATION, SILENT_FOR = "s03", timedelta(days=5)


def _stations(city: City) -> list[Record]:
    described: list[Record] = []
    for station_id, name_zh, name_en, _, yellow_m, red_m in STATIONS:
        draw = random.Random(f"{city.settings.seed}:spring:{station_id}")
        at = city.geography.somewhere(draw)
        described.append(
            {
                "station_id": station_id, "name_zh": name_zh, "name_en": name_en,
                "longitude": at.lon, "latitude": at.lat, "coordinate_system": "GCJ-02",
                "yellow_level_m": yellow_m, "red_level_m": red_m,
            }
        )  # fmt: skip
    return described


def _observe(city: City, station_id: str, at: datetime) -> Record | None:
    """A level, highest in October; None where none was read."""
    if station_id == SILENT_STATION and at > city.now() - SILENT_FOR:
        return None
    if chance(city.settings.seed, station_id, at.timestamp(), "gap") < GAP_PER_MILLE:
        return None
    mean_m = next(station[3] for station in STATIONS if station[0] == station_id)
    season_m = 0.7 * math.cos((at.timetuple().tm_yday - 280) / 365 * math.tau)
    noise_m = (chance(city.settings.seed, station_id, at.timestamp()) - 500) / 20_000
    return {
        "station_id": station_id,
        "observed_at": timestamp(at),
        "level_m": round(mean_m + season_m + noise_m, 2),
    }


SYSTEMS = (
    System(
        name="springs",
        title_zh="泉水水位监测数据",
        title_en="Spring level observations",
        operations=datastore_operations(
            "/springs",
            (
                station_resource(
                    "spring-stations",
                    (
                        ("station_id", "text"), ("name_zh", "text"), ("name_en", "text"),
                        ("longitude", "numeric"), ("latitude", "numeric"),
                        ("coordinate_system", "text"), ("yellow_level_m", "numeric"),
                        ("red_level_m", "numeric"),
                    ),
                    _stations,
                ),
                observation_resource(
                    "spring-levels",
                    (("station_id", "text"), ("observed_at", "timestamp"), ("level_m", "numeric")),
                    tuple(station[0] for station in STATIONS),
                    EVERY,
                    KEPT,
                    _observe,
                ),
            ),
        ),
    ),
)  # fmt: skip
