"""Air, springs and outlets: CKAN's and OGC's forms, gaps that are gaps, places that are named."""

import json
from datetime import datetime
from typing import Any

import pytest

from sandbox.systems.air_quality import air_quality_index
from tests.sandbox.serving import Client

AIR = "/air-quality/api/3/action/datastore_search"
SPRINGS = "/springs/api/3/action/datastore_search"
OUTLETS = "/service-outlets/collections/outlets"
NO_VALUES: dict[str, float | None] = dict.fromkeys(("so2", "no2", "co", "o3", "pm10", "pm2_5"))
CLEAN = dict.fromkeys(NO_VALUES, 0.0)


async def search(city: Client, path: str, **query: object) -> Any:
    status, body = await city.post(path, query)
    assert (status, body["success"]) == (200, True)
    return body["result"]


async def test_stations_name_their_coordinate_system(city: Client) -> None:
    systems = set()
    for path, resource in ((AIR, "air-stations"), (SPRINGS, "spring-stations")):
        result = await search(city, path, resource_id=resource)
        assert result["total"] == len(result["records"]) >= 3
        for station in result["records"]:
            assert set(station) == {field["id"] for field in result["fields"]}
            assert station["name_zh"] and station["name_en"]
            assert 116 < station["longitude"] < 118 and 35 < station["latitude"] < 37
            systems.add(station["coordinate_system"])
    assert systems == {"WGS 84", "GCJ-02", "CGCS2000"}


async def test_hours_come_newest_first_and_by_pages(city: Client) -> None:
    query = {"resource_id": "air-hourly", "filters": {"station_id": "a01"}}
    everything = await search(city, AIR, **query, limit=5000)
    times = [record["observed_at"] for record in everything["records"]]
    assert times == sorted(set(times)) and len(times) == everything["total"]
    assert 1000 < len(times) < 45 * 24  # some hours are missing
    pages = [
        await search(city, AIR, **query, sort="observed_at desc", limit=40, offset=offset)
        for offset in (0, 40)
    ]
    shown = [record["observed_at"] for page in pages for record in page["records"]]
    assert shown == times[:-81:-1]
    raw = {"resource_id": "air-hourly", "filters": json.dumps({"station_id": ["a01"]}), "limit": 1}
    _, by_get = await city.get(AIR, params=raw)
    assert by_get["result"]["total"] == everything["total"]


async def test_a_gap_is_no_number(city: Client) -> None:
    result = await search(city, AIR, resource_id="air-hourly", limit=20_000)
    partial = [record for record in result["records"] if None in record.values()]
    assert 20 < len(partial) < len(result["records"]) / 2
    wrong = 0
    for record in result["records"]:
        values = {name: record[name] for name in NO_VALUES}
        assert all(value is None or value >= 0 for value in values.values())
        wrong += air_quality_index(values)[0] != record["aqi"]
    assert 0 < wrong < 100  # a station's own index is now and then not to be believed


async def test_a_silent_station_stays_in_the_list(city: Client) -> None:
    newest = {}
    for station_id in ("a01", "a06"):
        result = await search(
            city, AIR, resource_id="air-hourly", filters={"station_id": station_id},
            sort="observed_at desc", limit=1,
        )  # fmt: skip
        newest[station_id] = datetime.fromisoformat(result["records"][0]["observed_at"])
    assert (newest["a01"] - newest["a06"]).total_seconds() > 4 * 3600


async def test_spring_levels_stand_near_their_warnings(city: Client) -> None:
    stations = (await search(city, SPRINGS, resource_id="spring-stations"))["records"]
    levels = await search(city, SPRINGS, resource_id="spring-levels", limit=3000)
    assert levels["total"] == len(levels["records"]) > 2000
    assert {str(record["observed_at"])[11:] for record in levels["records"]} == {
        "00:00:00", "12:00:00"
    }  # fmt: skip
    for station in stations:
        own = [r["level_m"] for r in levels["records"] if r["station_id"] == station["station_id"]]
        assert station["red_level_m"] < station["yellow_level_m"]
        assert min(own) < station["yellow_level_m"] + 0.5 < max(own)


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ({"resource_id": "nothing"}, 404, "Not Found Error"),
        ({}, 409, "Validation Error"),
        ({"resource_id": "air-hourly", "limit": -1}, 409, "Validation Error"),
        ({"resource_id": "air-hourly", "sort": "pm10 desc"}, 409, "Validation Error"),
        ({"resource_id": "air-hourly", "filters": {"pm10": 3}}, 409, "Validation Error"),
        ({"resource_id": "air-hourly", "filters": "{"}, 409, "Validation Error"),
    ],
)
async def test_ckan_refuses_in_its_own_form(
    city: Client, query: dict[str, object], status: int, kind: str
) -> None:
    answer = await city.post(AIR, query)
    assert (answer[0], answer[1]["success"]) == (status, False)
    assert answer[1]["error"]["__type"] == kind


@pytest.mark.parametrize(
    ("values", "index"),
    [
        (CLEAN | {"pm2_5": 35}, (50, None)),
        (CLEAN | {"pm2_5": 36}, (52, "pm2_5")),  # 50 + 50 × 1/25
        (CLEAN | {"pm2_5": 60, "pm10": 100}, (100, "pm2_5")),
        (NO_VALUES | {"pm10": 600}, (500, "pm10")),
        (CLEAN | {"co": 35.0}, (150, "co")),
        (CLEAN | {"so2": 900}, (200, "so2")),  # by the hour, no more than 200
        (NO_VALUES | {"o3": 200}, (None, None)),
    ],
)
def test_the_index_follows_hj_633(
    values: dict[str, float], index: tuple[int | None, str | None]
) -> None:
    assert air_quality_index(values) == index


async def test_outlets_are_features_by_pages(city: Client) -> None:
    seen: list[Any] = []
    path = f"{OUTLETS}/items?limit=15"
    while path:
        status, page = await city.get(path)
        assert (status, page["type"]) == (200, "FeatureCollection")
        assert page["numberReturned"] == len(page["features"]) <= 15
        seen += page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        path = following[0].removeprefix(city.base) if following else ""
    assert len({feature["id"] for feature in seen}) == page["numberMatched"] == len(seen) == 42
    for feature in seen:
        facts = feature["properties"]
        assert facts["items"] and facts["departments"] and facts["opening_hours"]
        assert (facts["queue"] is None) == (facts["kind"] != "HALL")
        assert (await city.get(f"{OUTLETS}/items/{feature['id']}"))[1]["geometry"] == (
            feature["geometry"]
        )
    stale = [f for f in seen if f["id"] in ("o07", "o21")]
    assert all("T16:55:00" in f["properties"]["queue"]["observed_at"] for f in stale)


async def test_outlets_in_a_box_and_by_name(city: Client) -> None:
    _, everything = await city.get(f"{OUTLETS}/items?limit=100")
    lon, lat = everything["features"][0]["geometry"]["coordinates"]
    box = f"{lon - 0.01},{lat - 0.01},{lon + 0.01},{lat + 0.01}"
    _, near = await city.get(f"{OUTLETS}/items?bbox={box}&limit=100")
    assert 0 < near["numberMatched"] < 42
    for feature in near["features"]:
        east, north = feature["geometry"]["coordinates"]
        assert abs(east - lon) <= 0.01 and abs(north - lat) <= 0.01
    assert (await city.get(f"{OUTLETS}/items?bbox=177,65,-177,70"))[1]["features"] == []
    _, halls = await city.get(f"{OUTLETS}/items?q=政务服务中心&kind=HALL")
    assert halls["numberMatched"] == 6


@pytest.mark.parametrize(
    "query", ["bbox=1,2,3", "bbox=117,36,118,nan", "bbox=1,9,2,3", "limit=0", "colour=red"]
)
async def test_a_question_that_is_none_is_refused(city: Client, query: str) -> None:
    status, body = await city.get(f"{OUTLETS}/items?{query}")
    assert (status, body["code"]) == (400, "INVALID_REQUEST")
    assert (await city.get(f"{OUTLETS}/items/o99"))[0] == 404


async def test_a_client_finds_its_way_from_the_landing_page(city: Client) -> None:
    _, landing = await city.get("/service-outlets")
    links = {link["rel"]: link["href"] for link in landing["links"]}
    assert any(
        "conf/core" in uri for uri in (await city.get(links["conformance"]))[1]["conformsTo"]
    )
    _, collections = await city.get(links["data"])
    (collection,) = collections["collections"]
    items = next(link["href"] for link in collection["links"] if link["rel"] == "items")
    assert (await city.get(items))[1]["numberReturned"] == 10
    assert (await city.get(OUTLETS))[1] == collection


@pytest.mark.parametrize(
    ("system", "path"),
    [
        ("air_quality", f"{AIR}?resource_id=air-stations"),
        ("springs", f"{SPRINGS}?resource_id=spring-stations"),
        ("service_outlets", f"{OUTLETS}/items"),
    ],
)
async def test_they_break_on_purpose(city: Client, system: str, path: str) -> None:
    assert (await city.get(path))[0] == 200
    await city.put(f"/_control/faults/{system}", {"error_rate": 1})
    assert (await city.get(path))[0] == 503
