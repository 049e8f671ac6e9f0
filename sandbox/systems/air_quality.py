"""Air quality: stations and their hourly concentrations, with gaps, and each station's own AQI."""

import math
import random
from datetime import datetime, timedelta
from functools import lru_cache

from sandbox.server.system import City, System
from sandbox.shared.datastore import (
    Fields,
    chance,
    datastore_operations,
    observation_resource,
    station_resource,
    timestamp,
)
from sandbox.shared.registry import Record

EVERY, KEPT = timedelta(hours=1), timedelta(days=45)
STATIONS = (
    ("a01", "示范公园", "Shifan Park", "WGS 84"),
    ("a02", "样例广场", "Yangli Square", "WGS 84"),
    ("a03", "沙盒高新区", "Shahe High-tech Zone", "GCJ-02"),
    ("a04", "演示水厂", "Yanshi Waterworks", "CGCS2000"),
    ("a05", "测试学院", "Ceshi College", "WGS 84"),
    ("a06", "模拟山庄", "Moni Hill", "WGS 84"),
)
"""Id, Chinese and English name, and in what system its coordinates are given."""
SILENT_STATION, SILENT_FOR = "a06", timedelta(hours=9)
GAP_PER_MILLE, PARTIAL_PER_MILLE, WRONG_PER_MILLE = 15, 30, 5
IAQI = (0, 50, 100, 150, 200, 300, 400, 500)
BREAK_POINTS = {
    "so2": (0, 150, 500, 650, 800),
    "no2": (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    "co": (0, 5, 10, 35, 60, 90, 120, 150),
    "o3": (0, 160, 200, 300, 400, 800, 1000, 1200),
    "pm10": (0, 50, 120, 250, 350, 420, 500, 600),
    "pm2_5": (0, 35, 60, 115, 150, 250, 350, 500),
}
"""Concentrations at the steps of IAQI (HJ 633-2026, table 3): of gases by the hour, of particles
by the day. Micrograms per cubic metre, of carbon monoxide milligrams."""
_LEVELS = {"so2": 12, "no2": 38, "co": 0.7, "o3": 90, "pm10": 85, "pm2_5": 45}


def _stations(city: City) -> list[Record]:
    described: list[Record] = []
    for station_id, name_zh, name_en, system in STATIONS:
        draw = random.Random(f"{city.settings.seed}:air-station:{station_id}")
        at = city.geography.somewhere(draw)
        described.append(
            {
                "station_id": station_id, "name_zh": name_zh, "name_en": name_en,
                "longitude": at.lon, "latitude": at.lat, "coordinate_system": system,
            }
        )  # fmt: skip
    return described


def _observe(city: City, station_id: str, at: datetime) -> Record | None:
    """An hour of a station; None where it sent nothing."""
    if station_id == SILENT_STATION and at > city.now() - SILENT_FOR:
        return None
    if chance(city.settings.seed, station_id, at.timestamp(), "gap") < GAP_PER_MILLE:
        return None
    return _hour(city.settings.seed, station_id, at)


@lru_cache(maxsize=len(STATIONS) * (KEPT // EVERY + 24))
def _hour(seed: int, station_id: str, at: datetime) -> Record:
    """Concentrations that rise and fall with day and hour; some are missing, some AQI wrong."""
    weather = 0.4 + 1.6 * random.Random(f"{seed}:weather:{at:%Y%m%d}").random()
    draw = random.Random(f"{seed}:air:{station_id}:{at.timestamp()}")
    sun = max(0.0, math.sin((at.hour - 6) / 12 * math.pi))
    values: dict[str, float | None] = {}
    for name, level in _LEVELS.items():
        shape = 0.3 + 1.4 * sun if name == "o3" else weather * (1.1 - 0.2 * sun)
        value = level * shape * draw.uniform(0.85, 1.15)
        values[name] = round(value, 1) if name == "co" else round(value)
    if draw.random() * 1000 < PARTIAL_PER_MILLE:
        values[draw.choice(sorted(values))] = None
    aqi, primary = air_quality_index(values)
    if aqi is not None and draw.random() * 1000 < WRONG_PER_MILLE:
        aqi += 40
    return {
        "station_id": station_id, "observed_at": timestamp(at), **values,
        "aqi": aqi, "primary_pollutant": primary,
    }  # fmt: skip


def air_quality_index(values: dict[str, float | None]) -> tuple[int | None, str | None]:
    """The AQI and, above 50, the first pollutant that makes it (HJ 633-2026, 4.3 and 5.3.1).

    None up to 100 for a station that lacks a pollutant: its index might be too good.
    """
    indices = {
        name: _sub_index(value, BREAK_POINTS[name])
        for name, value in values.items()
        if value is not None
    }
    primary = max(indices, key=lambda name: indices[name])
    if len(indices) < len(values) and indices[primary] <= IAQI[2]:
        return None, None
    return indices[primary], primary if indices[primary] > IAQI[1] else None


def _sub_index(value: float, points: tuple[int, ...]) -> int:
    for step in range(1, len(points)):
        if value <= points[step]:
            low, high = points[step - 1], points[step]
            share = (value - low) / (high - low)
            return math.ceil(round(IAQI[step - 1] + share * (IAQI[step] - IAQI[step - 1]), 6))
    return IAQI[len(points) - 1]


STATION_FIELDS: Fields = (
    ("station_id", "text"), ("name_zh", "text"), ("name_en", "text"), ("longitude", "numeric"),
    ("latitude", "numeric"), ("coordinate_system", "text"),
)  # fmt: skip
HOUR_FIELDS: Fields = (
    ("station_id", "text"), ("observed_at", "timestamp"), ("so2", "numeric"), ("no2", "numeric"),
    ("co", "numeric"), ("o3", "numeric"), ("pm10", "numeric"), ("pm2_5", "numeric"),
    ("aqi", "int4"), ("primary_pollutant", "text"),
)  # fmt: skip

SYSTEMS = (
    System(
        name="air_quality",
        title_zh="空气质量监测数据",
        title_en="Air quality observations",
        operations=datastore_operations(
            "/air-quality",
            (
                station_resource("air-stations", STATION_FIELDS, _stations),
                observation_resource(
                    "air-hourly",
                    HOUR_FIELDS,
                    tuple(station[0] for station in STATIONS),
                    EVERY,
                    KEPT,
                    _observe,
                ),
            ),
        ),
    ),
)
