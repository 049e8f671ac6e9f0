"""Datums, the city's boundary, and what is refused."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.city import load_city
from core.errors import InvalidInput
from core.standards.coordinates import (
    Datum,
    GeoArea,
    GeoPoint,
    area_in_city,
    distance_m,
    parse_datum,
    point_in_city,
    to_gcj02,
    to_wgs84,
)

CITY = load_city(Path(__file__).parents[3] / "cities/jinan.toml")
SPRING = GeoPoint(36.6613, 117.0119)
PUBLISHED = (
    (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),
    (22.543847, 113.912316, 22.540796131694766, 113.9171764808363),
    (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),
)
"""WGS 84 and GCJ-02 of places in Shanghai, Shenzhen and Beijing: the values that
googollee/eviltransform publishes (python/tests.py)."""

lats, lons = st.floats(35.9, 37.6), st.floats(116.1, 118.1)


@pytest.mark.parametrize(("lat", "lon", "gcj_lat", "gcj_lon"), PUBLISHED)
def test_gcj02_is_what_others_publish(
    lat: float, lon: float, gcj_lat: float, gcj_lon: float
) -> None:
    there = to_gcj02(GeoPoint(lat, lon))
    assert there.datum is Datum.GCJ_02
    assert math.isclose(there.lat, gcj_lat, abs_tol=1e-9)
    assert math.isclose(there.lon, gcj_lon, abs_tol=1e-9)


@given(lat=lats, lon=lons)
def test_there_and_back_is_within_a_millimetre_of_latitude_and_longitude(
    lat: float, lon: float
) -> None:
    here = GeoPoint(lat, lon)
    back = to_wgs84(to_gcj02(here))
    assert math.isclose(back.lat, lat, abs_tol=1e-8) and math.isclose(back.lon, lon, abs_tol=1e-8)
    assert 400 < distance_m(here, GeoPoint(*_bare(to_gcj02(here)))) < 700


def _bare(point: GeoPoint) -> tuple[float, float]:
    return point.lat, point.lon


def test_distances_are_those_of_the_earth() -> None:
    # a degree of latitude on the mean sphere: 2 pi R / 360
    assert distance_m(GeoPoint(36, 117), GeoPoint(37, 117)) == 111_195
    assert distance_m(SPRING, SPRING) == 0


@pytest.mark.parametrize(
    ("text", "datum"),
    [("GCJ-02", Datum.GCJ_02), ("WGS 84", Datum.WGS_84), ("CGCS2000", Datum.CGCS_2000),
     ("wgs84", Datum.WGS_84)],
)  # fmt: skip
def test_a_datum_is_known_in_the_spellings_of_departments(text: str, datum: Datum) -> None:
    assert parse_datum(text) is datum


def test_an_unknown_datum_is_none() -> None:
    with pytest.raises(ValueError, match="BD-09"):
        parse_datum("BD-09")


@pytest.mark.parametrize(
    "point",
    [
        SPRING,
        GeoPoint(36.2140, 117.6590),  # Laiwu, seat of the district
        GeoPoint(36.2865, 116.4561),  # Pingyin
        GeoPoint(37.3093, 117.1510),  # Shanghe
        GeoPoint(36.0594, 117.8116),  # Gangcheng
        to_gcj02(SPRING),
        GeoPoint(SPRING.lat, SPRING.lon, Datum.CGCS_2000),
    ],
)
def test_the_city_is_within_its_boundary(point: GeoPoint) -> None:
    found = point_in_city(CITY, point, "at")
    assert found.datum is Datum.WGS_84
    assert distance_m(found, to_wgs84(point)) == 0


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        (36.1945, 117.1223, "OUTSIDE_CITY"),  # Tai'an
        (36.8131, 118.0548, "OUTSIDE_CITY"),  # Zibo
        (37.4355, 116.3575, "OUTSIDE_CITY"),  # Dezhou
        (22.3, 114.17, "OUTSIDE_CITY"),
        (0.0, 0.0, "OUTSIDE_CITY"),
        (117.0119, 36.6613, "POINTS_SWAPPED"),
        (91.0, 0.0, "POINT_INVALID"),
        (math.nan, 117.0, "POINT_INVALID"),
        (math.inf, 117.0, "POINT_INVALID"),
    ],
)
@pytest.mark.parametrize("datum", list(Datum))
def test_what_is_not_in_the_city_is_refused(
    lat: float, lon: float, code: str, datum: Datum
) -> None:
    with pytest.raises(InvalidInput) as refused:
        point_in_city(CITY, GeoPoint(lat, lon, datum), "at")
    assert (refused.value.code, refused.value.field) == (code, "at")


def test_an_area_is_converted_whole() -> None:
    south_west, north_east = to_gcj02(GeoPoint(36.6, 117.0)), to_gcj02(GeoPoint(36.7, 117.1))
    found = area_in_city(
        CITY,
        GeoArea(*_bare(south_west), *_bare(north_east), Datum.GCJ_02),
        "area",
    )
    assert math.isclose(found.south, 36.6, abs_tol=1e-8)
    assert math.isclose(found.east, 117.1, abs_tol=1e-8)
    assert found.datum is Datum.WGS_84


@pytest.mark.parametrize(
    ("area", "code"),
    [
        (GeoArea(36.7, 117.0, 36.6, 117.1), "POINT_INVALID"),
        (GeoArea(math.nan, 117.0, 36.6, 117.1), "POINT_INVALID"),
        (GeoArea(117.0, 36.6, 117.1, 36.7), "POINTS_SWAPPED"),
        (GeoArea(30.0, 117.0, 31.0, 118.0), "OUTSIDE_CITY"),
    ],
)
def test_an_area_that_cannot_be_is_refused(area: GeoArea, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        area_in_city(CITY, area, "area")
    assert refused.value.code == code
