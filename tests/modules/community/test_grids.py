"""Grids: a point's grid, the edges, the map of the sandbox city whole; no phone number anywhere."""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType

from bff.schema.build import build_schema
from core.clock import ManualClock
from core.manifest import discover
from core.standards.coordinates import GeoPoint
from core.standards.ogc_features import PAGE, Feature
from core.texts import Named
from modules.community.grids.domain import Grid, GridMap, district_of
from modules.community.grids.lookup import BASE_MAP, Properties
from sandbox.population.geography import Geography, Place
from sandbox.systems import grids as sandbox_grids
from tests.asgi import Client
from tests.machine import in_time
from tests.modules.community.base_map import FakeBaseMap, square
from tests.upstreams import by_operation

HERE = {"lat": 36.67, "lon": 117.0}


@pytest.fixture
def base_map() -> FakeBaseMap:
    """The base map."""
    return FakeBaseMap()


@pytest.fixture
def upstreams(base_map: FakeBaseMap) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(base_map, BASE_MAP)


async def _grid(client: Client, **at: float) -> Any:
    answer = await client.operate("Grid", {"at": HERE | at})
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["grid"]


async def test_a_place_has_its_grid_and_a_channel_to_its_worker(client: Client) -> None:
    answer = await _grid(client)
    assert answer["grid"] == {
        "gridCode": "370102001001001", "district": "Lixia", "street": "Street",
        "community": "Community", "worker": "The grid worker",
        "contactRef": "grid-370102001001001", "contactHours": "24/7",
    }  # fmt: skip
    assert await _grid(client, lat=36.7) == {
        "status": "LIVE", "asOf": "2026-11-23T04:00:00.000Z", "reason": None, "grid": None
    }  # fmt: skip


async def test_at_an_edge_it_is_always_the_same(client: Client, base_map: FakeBaseMap) -> None:
    base_map.features = [square("370102001001002", 117.0), square("370102001001001", 116.998)]
    assert (await _grid(client))["grid"]["gridCode"] == "370102001001001"


async def test_what_is_no_grid_of_the_city_is_left_out(
    client: Client, base_map: FakeBaseMap
) -> None:
    bow = [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]
    bad = square("370102001001003")
    base_map.features = [
        square("110101001001001"), square("37010200100100"), square("37010200100100x"),
        Feature("x", {"type": "Polygon", "coordinates": [bow]}, bad.properties),
        Feature("x", {"type": "Nonsense"}, bad.properties),
        Feature("x", {}, bad.properties),
        square("370102001001009"),
    ]  # fmt: skip
    assert (await _grid(client))["grid"]["gridCode"] == "370102001001009"
    labels = {"upstream": "grids", "operation": "list_grids"}
    registry = client.app.metrics.registry
    assert registry.get_sample_value("quancheng_unreadable_records_total", labels) == 6


async def test_the_map_is_read_page_by_page(client: Client, base_map: FakeBaseMap) -> None:
    base_map.features = [
        *(square(f"370103001001{n:03d}", 116.5, 0.0001) for n in range(PAGE)),
        square("370102001001001"),
    ]
    assert (await _grid(client))["grid"]["gridCode"] == "370102001001001"


async def test_the_last_good_map_serves_for_a_month(
    client: Client, base_map: FakeBaseMap, clock: ManualClock
) -> None:
    await _grid(client)
    base_map.is_silent = True
    clock.move(timedelta(days=30))
    stale = await _grid(client)
    assert (stale["status"], stale["grid"]["gridCode"]) == ("STALE", "370102001001001")


def test_no_phone_number_of_a_worker_is_in_the_schema() -> None:
    grid = build_schema(discover())._schema.type_map["Grid"]
    assert isinstance(grid, GraphQLObjectType)
    assert not any("phone" in name.lower() for name in grid.fields)


def _city_map() -> Iterator[tuple[Any, Grid]]:
    class City:
        """As much of the sandbox city as its map takes."""

        settings = type("Settings", (), {"seed": 20260101})
        geography = Geography(20260101, Place(36.67, 117.0))

    for row in sandbox_grids.grids(City()):  # type: ignore[arg-type]
        told = {name: row["properties"][name] for name in Properties.__slots__}  # type: ignore[index]
        feature = Feature(str(row["id"]), row["geometry"], Properties(**told))  # type: ignore[arg-type]
        words = Named("", "")
        yield feature.shape, Grid(feature.properties.grid_code, words, words, words, words, "", "")


def test_every_point_of_the_sandbox_city_has_one_grid_in_a_fifth_of_a_millisecond() -> None:
    city_map = GridMap(list(_city_map()))
    assert len(city_map) == 46 * 46  # squares of 400 m: 338 km²
    codes = set()
    points = [
        GeoPoint(36.67 + row / 2000, 117.0 + column / 2000)
        for row in range(-20, 20)
        for column in range(-20, 20)
    ]
    begun = time.process_time()
    for point in points:
        grid = city_map.find(point)
        assert grid is not None and district_of(grid.grid_code) in sandbox_grids.DISTRICTS
        codes.add(grid.grid_code)
    took_s = (time.process_time() - begun) / len(points)
    assert in_time(took_s, 0.000_2, time.process_time)
    assert 20 < len(codes) < 60  # two kilometres each way
