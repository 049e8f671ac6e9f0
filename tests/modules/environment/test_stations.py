"""Springs and air: the index reckoned and compared, gaps as gaps, silence as silence."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import SHANGHAI
from core.context.app import App
from core.deadline import Deadline
from core.upstream.records import Records, records_reader
from modules.environment.stations.domain import Trend, trend_of
from modules.environment.stations.lookup import AIR, SPRINGS, list_hours
from tests.asgi import Client
from tests.fakes import Silence
from tests.upstreams import by_operation, over_http

NOW = datetime(2026, 11, 23, 12, tzinfo=SHANGHAI)
"""The clock's noon, as Beijing's."""
CLEAN = {"pm2_5": 35.0, "pm10": 20.0, "so2": 5.0, "no2": 20.0, "co": 0.5, "o3": 40.0}


def _station(station_id: str, *, lat: float = 36.66, **more: Any) -> Any:
    row = {
        "station_id": station_id, "name_zh": "泉", "name_en": "Spring", "longitude": 117.02,
        "latitude": lat, "coordinate_system": "GCJ-02",
    }  # fmt: skip
    return row | more


class FakeOpenData(Silence):
    """Two data stores in memory."""

    name = "open data"

    def __init__(self) -> None:
        super().__init__()
        self.stations = [_station("a01")]
        self.hours: list[dict[str, Any]] = []
        self.springs = [_station("s01", yellow_level_m=27.6, red_level_m=27.0)]
        self.levels: list[dict[str, Any]] = []

    def hour(self, back: int, aqi: int | None, station_id: str = "a01", **values: Any) -> None:
        """An hour of a station, so many before noon."""
        at = (NOW - timedelta(hours=back)).replace(tzinfo=None)
        own = {"station_id": station_id, "observed_at": at, "aqi": aqi}
        self.hours.append(CLEAN | values | own)

    def level(self, back: int, level_m: float) -> None:
        """A level of the spring, so many half days before noon."""
        at = (NOW - timedelta(hours=12 * back)).replace(tzinfo=None)
        self.levels.append({"station_id": "s01", "observed_at": at, "level_m": level_m})

    async def list_air_stations(self, limit: int = 0, **filters: str) -> Records[Any]:
        """See modules.environment.stations.lookup."""
        return self._find("list_air_stations", self.stations, filters)

    async def list_hours(self, limit: int = 0, **filters: str) -> Records[Any]:
        """See modules.environment.stations.lookup."""
        return self._find("list_hours", self.hours, filters)

    async def list_springs(self, limit: int = 0, **filters: str) -> Records[Any]:
        """See modules.environment.stations.lookup."""
        return self._find("list_springs", self.springs, filters)

    async def list_levels(self, limit: int = 0, **filters: str) -> Records[Any]:
        """See modules.environment.stations.lookup."""
        return self._find("list_levels", self.levels, filters)

    def _find(self, operation: str, rows: list[Any], filters: Mapping[str, str]) -> Records[Any]:
        from modules.environment.stations import lookup

        self.answer(operation)
        forms = {"list_air_stations": lookup._Station, "list_hours": lookup._Hour,
                 "list_springs": lookup._SpringStation, "list_levels": lookup._Level}  # fmt: skip
        chosen = [row for row in rows if filters.items() <= row.items()]
        read: Records[Any] = records_reader(forms[operation])(chosen)
        return read


@pytest.fixture
def data() -> FakeOpenData:
    """The open data."""
    return FakeOpenData()


@pytest.fixture
def upstreams(data: FakeOpenData) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(data, AIR, SPRINGS)


async def _ask(client: Client, field: str, **variables: Any) -> Any:
    answer = await client.operate(field[0].upper() + field[1:], variables)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"][field]


async def test_the_index_is_reckoned_and_compared_with_the_stations_own(
    client: Client, data: FakeOpenData
) -> None:
    data.hour(0, 90, pm2_5=60.0)
    (station,) = (await _ask(client, "airQuality"))["items"]
    assert (station["index"]["aqi"], station["stationAqi"], station["agrees"]) == (100, 90, False)
    assert (station["index"]["category"], station["index"]["primaryPollutants"]) == (
        "GOOD",
        ["PM2_5"],
    )
    assert station["observedAt"] == "2026-11-23T04:00:00.000Z"
    assert station["at"]["lat"] != 36.66  # WGS 84, converted from what the table gives


async def test_an_hour_without_a_pollutant_has_no_index_and_says_what_is_missing(
    client: Client, data: FakeOpenData
) -> None:
    data.hour(0, 50, pm10=None)
    (station,) = (await _ask(client, "airQuality"))["items"]
    assert (station["index"]["aqi"], station["index"]["missing"]) == (None, ["PM10"])
    assert station["agrees"] is None and station["trend"] == "UNKNOWN"


async def test_a_silent_station_is_no_clean_one(client: Client, data: FakeOpenData) -> None:
    data.stations.append(_station("a02"))
    data.hour(4, 50)
    old, none = (await _ask(client, "airQuality"))["items"]
    assert (old["isSilent"], old["observedAt"]) == (True, "2026-11-23T00:00:00.000Z")
    assert (none["isSilent"], none["observedAt"], none["index"]) == (True, None, None)


async def test_a_station_outside_the_city_is_left_out_and_a_bad_hour_too(
    client: Client, data: FakeOpenData
) -> None:
    data.stations = [_station("a00", lat=22.5), _station("a01"), _station("a02", lat=117.0)]
    data.hour(0, 50)
    data.hour(1, 50, pm2_5=-9999.0)
    answer = await _ask(client, "airQuality")
    assert [station["stationId"] for station in answer["items"]] == ["a01"]
    assert answer["items"][0]["index"]["aqi"] == 50


@pytest.mark.parametrize(
    ("level_m", "back", "warning"),
    [(28.0, 0, "NONE"), (27.6, 0, "NONE"), (27.59, 0, "YELLOW"), (26.99, 0, "RED"),
     (28.0, 4, "UNKNOWN")],
)  # fmt: skip
async def test_a_spring_is_warned_of_by_its_own_levels(
    client: Client, data: FakeOpenData, level_m: float, back: int, warning: str
) -> None:
    data.level(back, level_m)
    (spring,) = (await _ask(client, "springLevels"))["items"]
    assert spring["warning"] == warning
    assert (spring["levelM"] is None) == (warning == "UNKNOWN")


async def test_a_month_has_every_hour_and_shows_its_gaps(
    client: Client, data: FakeOpenData
) -> None:
    for back in (0, 1, 3):
        data.hour(back, 50)
    data.hour(2, 50, "a02")
    answer = await _ask(client, "airHistory", airStationId="a01")
    history = answer["history"]
    values = [one["value"] for one in history["observations"]]
    assert len(values) == 720 and history["gaps"] == 717
    assert values[-4:] == [50.0, None, 50.0, 50.0]
    assert history["observations"][-1]["at"] == "2026-11-23T04:00:00.000Z"
    picture = ElementTree.fromstring(history["picture"])
    assert "717" in str(picture[0].text) and len(history["picture"]) < 20_000


async def test_a_spring_has_a_month_of_half_days(client: Client, data: FakeOpenData) -> None:
    data.level(0, 28.1)
    history = (await _ask(client, "springHistory", springId="s01"))["history"]
    assert len(history["observations"]) == 60 and history["gaps"] == 59


async def test_a_station_that_is_not_listed_is_not_found(
    client: Client, data: FakeOpenData
) -> None:
    answer = await client.run('{ airHistory(stationId: "x\\"}") { status } }')
    assert answer.json["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_the_last_good_answer_is_shown_and_nothing_is_made_up(
    client: Client, data: FakeOpenData
) -> None:
    data.is_silent = True
    assert await _ask(client, "airQuality") == {
        "status": "UNAVAILABLE", "asOf": None, "reason": "TIMEOUT", "items": []
    }  # fmt: skip
    assert (await _ask(client, "airHistory", airStationId="a01"))["history"] is None


async def test_the_card_tells_both(client: Client, data: FakeOpenData) -> None:
    data.stations.append(_station("a02"))
    data.hour(0, 50)
    data.hour(0, 100, "a02", pm2_5=60.0)
    data.level(0, 27.5)
    query = """{ home { sections { id title status
        ... on SpringsAndAirSection { lowestAqi highestAqi springsWarnedOf } } } }"""
    sections = (await client.data(query))["home"]["sections"]
    assert next(card for card in sections if card["id"] == "springs-and-air") == {
        "id": "springs-and-air", "title": "Springs and air", "status": "LIVE",
        "lowestAqi": 50, "highestAqi": 100, "springsWarnedOf": 1,
    }  # fmt: skip


async def test_ckan_is_asked_in_its_own_form(app: App) -> None:
    seen: list[Any] = []

    async def search(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        record = {"_id": 1, "station_id": "a01", "observed_at": "2026-11-23T11:00:00",
                  "primary_pollutant": None, "aqi": "50", **CLEAN}  # fmt: skip
        result = {"records": [record], "total": 1, "fields": []}
        return web.json_response({"help": "", "success": True, "result": result})

    application = web.Application()
    application.router.add_get("/air-quality/api/3/action/datastore_search", search)
    async with TestServer(application) as server:
        connected = over_http(app.http, str(server.make_url("")), AIR)
        (hour,) = (await list_hours(connected, Deadline.after(2), station_id="a01")).items
    assert hour.moment == NOW - timedelta(hours=1)
    assert seen == [
        {"resource_id": "air-hourly", "limit": "1000", "sort": "observed_at desc",
         "filters": '{"station_id":"a01"}'}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "trend"),
    [
        ([1, 1, 1, 2, 2, 2], Trend.RISING),
        ([2, 2, 2, 1, 1, 1], Trend.FALLING),
        ([1, 1, 1, 1.05, 1, 1], Trend.STEADY),
        ([1, None, 1, 2, 2, None], Trend.RISING),
        ([1, None, None, 2, 2, 2], Trend.UNKNOWN),
        ([], Trend.UNKNOWN),
    ],
)
def test_a_trend_needs_more_than_half_of_each_half(
    values: list[float | None], trend: Trend
) -> None:
    assert trend_of(values, 0.1) is trend


@pytest.mark.parametrize("field", ["airQuality", "springLevels"])
async def test_a_moment_with_a_zone_is_passed_over_and_stops_no_other(
    client: Client, data: FakeOpenData, field: str
) -> None:
    data.hour(0, 50)
    data.level(0, 28.1)
    for rows in (data.hours, data.levels):
        rows.append(rows[0] | {"observed_at": "2026-11-23T12:00:00Z"})
    (station,) = (await _ask(client, field))["items"]
    assert station["observedAt"] == "2026-11-23T04:00:00.000Z"


@pytest.mark.parametrize("level_m", [-9999.0, 99999.0, float("nan"), float("inf")])
async def test_what_is_no_level_warns_of_nothing(
    client: Client, data: FakeOpenData, level_m: float
) -> None:
    data.level(0, level_m)
    data.level(4, 28.0)
    (spring,) = (await _ask(client, "springLevels"))["items"]
    assert (spring["levelM"], spring["warning"], spring["isSilent"]) == (None, "UNKNOWN", True)
