"""Traffic: silence is unknown and never free; around a place, along a route, in an area."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest

from core.standards.coordinates import GeoPoint
from core.standards.datex import RoadEventKind, RoadEventSeverity, SituationRecord
from core.upstream.records import Records
from modules.mobility.traffic.domain import Congestion, congestion_of
from modules.mobility.traffic.lookup import PLATFORM, Camera, Corridor, Segment
from tests.asgi import Client
from tests.conftest import NOON
from tests.fakes import Silence
from tests.upstreams import by_operation

LINE = ((36.67, 117.0), (36.67, 117.02))
HERE = {"lat": 36.67, "lon": 117.0}


def segment(ref: str = "g1", speed_kmh: float | None = 45, **changes: Any) -> Segment:
    """A road that runs at 60 when it is empty, seen now."""
    return replace(Segment(LINE, "WGS 84", ref, "路", "Road", speed_kmh, 60, NOON), **changes)


def event(ref: str = "e1", **changes: Any) -> SituationRecord:
    """An accident an hour ago, on the line."""
    made = SituationRecord(
        ref, RoadEventKind.INCIDENT, RoadEventSeverity.HIGH, NOON - timedelta(hours=1), None, NOON,
        {"zh": "事故", "en": "An accident"}, [GeoPoint(*point) for point in LINE], True,
    )  # fmt: skip
    return replace(made, **changes)


class FakePlatform(Silence):
    """A platform with what it is given."""

    name = "traffic"

    def __init__(self) -> None:
        super().__init__()
        self.segments, self.events = [segment()], [event()]
        self.corridors = [Corridor(LINE, "WGS 84", "w1", "路", "Road", 42, 48, True, True, NOON)]
        self.cameras = [Camera("口", "Crossing", *LINE[0], "WGS 84", "https://c/1.jpg", NOON)]

    async def list_segments(self) -> Records[Segment]:
        """See modules.mobility.traffic.lookup."""
        self.answer("list_segments")
        return Records(self.segments)

    async def list_situations(self) -> Records[SituationRecord]:
        """See modules.mobility.traffic.lookup."""
        return Records(self.events)

    async def list_corridors(self) -> Records[Corridor]:
        """See modules.mobility.traffic.lookup."""
        return Records(self.corridors)

    async def list_cameras(self) -> Records[Camera]:
        """See modules.mobility.traffic.lookup."""
        return Records(self.cameras)


@pytest.fixture
def platform() -> FakePlatform:
    """The platform."""
    return FakePlatform()


@pytest.fixture
def upstreams(platform: FakePlatform) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(platform, PLATFORM)


async def _around(client: Client, radius_m: int = 500) -> Any:
    answer = await client.operate("TrafficAround", {"at": HERE, "radiusM": radius_m})
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["trafficConditions"]


async def test_all_four_parts_come_from_around_a_place(client: Client) -> None:
    found = await _around(client)
    (road,) = found["segments"]["items"]
    assert (road["congestion"], road["speedKmh"]) == ("SMOOTH", 45)
    (accident,) = found["events"]["items"]
    assert (accident["kind"], accident["description"]) == ("INCIDENT", "An accident")
    (wave,) = found["greenWaves"]["items"]
    assert (wave["speedMinKmh"], wave["speedMaxKmh"], wave["adaptive"]) == (42, 48, True)
    assert found["cameras"]["items"][0]["stillUrl"] == "https://c/1.jpg"


@pytest.mark.parametrize(
    "silent", [segment(speed_kmh=None), segment(observed_at=NOON - timedelta(minutes=6))]
)
async def test_silence_is_unknown_and_never_free(
    client: Client, platform: FakePlatform, silent: Segment
) -> None:
    platform.segments = [silent]
    (road,) = (await _around(client))["segments"]["items"]
    assert (road["congestion"], road["speedKmh"]) == ("UNKNOWN", None)


async def test_one_part_that_is_silent_takes_no_other_with_it(
    client: Client, platform: FakePlatform
) -> None:
    platform.is_silent = True
    found = await _around(client)
    assert (found["segments"]["status"], found["segments"]["items"]) == ("UNAVAILABLE", [])
    assert (found["events"]["status"], len(found["events"]["items"])) == ("LIVE", 1)


async def test_only_what_is_selected_is_asked_for(client: Client, platform: FakePlatform) -> None:
    query = "{ trafficConditions(at: {lat: 36.67, lon: 117.0}) { events { status } } }"
    platform.is_silent = True
    assert (await client.data(query))["trafficConditions"] == {"events": {"status": "LIVE"}}


async def test_what_does_not_concern_the_roads_of_now_is_left_out(
    client: Client, platform: FakePlatform
) -> None:
    far = [GeoPoint(52.69, 6.2)]
    platform.events = [
        event("over", ends_at=NOON), event("later", starts_at=NOON + timedelta(days=8)),
        event("drill", is_real=False), event("abroad", path=far), event("nowhere", path=[]),
        event("tomorrow", starts_at=NOON + timedelta(days=1), comments={}), event("now"),
    ]  # fmt: skip
    found = (await _around(client))["events"]["items"]
    assert [one["eventRef"] for one in found] == ["tomorrow", "now"]
    assert found[0]["description"] is None
    labels = {"upstream": "traffic", "operation": "list_situations"}
    registry = client.app.metrics.registry
    assert registry.get_sample_value("quancheng_unreadable_records_total", labels) == 2


async def test_a_wave_that_does_not_run_recommends_nothing(
    client: Client, platform: FakePlatform
) -> None:
    platform.corridors = [replace(platform.corridors[0], active=False)]
    (wave,) = (await _around(client))["greenWaves"]["items"]
    assert (wave["speedMinKmh"], wave["speedMaxKmh"]) == (None, None)


async def test_a_picture_without_an_address_is_no_camera(
    client: Client, platform: FakePlatform
) -> None:
    (camera,) = platform.cameras
    platform.cameras = [camera, replace(camera, still_url="javascript:alert(1)")]
    assert len((await _around(client))["cameras"]["items"]) == 1


@pytest.mark.parametrize(
    ("route", "count"),
    [
        ([HERE, {"lat": 36.67, "lon": 117.01}], 1),
        ([{"lat": 36.66, "lon": 117.01}, {"lat": 36.68, "lon": 117.01}], 1),  # crosses it
        ([{"lat": 36.671, "lon": 117.0}, {"lat": 36.671, "lon": 117.02}], 0),  # 111 m beside it
    ],
)
async def test_along_a_route(client: Client, route: list[Any], count: int) -> None:
    answer = await client.operate("TrafficAlong", {"route": route})
    found = answer.json["data"]["trafficConditions"]
    assert len(found["segments"]["items"]) == len(found["events"]["items"]) == count


@pytest.mark.parametrize(("east", "count"), [(117.005, 1), (116.999, 0)])
async def test_in_an_area(client: Client, east: float, count: int) -> None:
    area = {"south": 36.6, "west": 116.9, "north": 36.7, "east": east}
    answer = await client.operate("TrafficIn", {"area": area})
    assert len(answer.json["data"]["trafficConditions"]["segments"]["items"]) == count


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", "INVALID_INPUT"),
        ("(at: {lat: 36.67, lon: 117.0}, route: [])", "INVALID_INPUT"),
        ("(route: [{lat: 36.67, lon: 117.0}])", "INVALID_INPUT"),
        ("(at: {lat: 36.67, lon: 117.0}, radiusM: 0)", "INVALID_INPUT"),
        ("(route: [{lat: 36.67, lon: 117.0}, {lat: 31.2, lon: 121.4}])", "OUTSIDE_CITY"),
        ("(at: {lat: 117.0, lon: 36.67})", "POINTS_SWAPPED"),
        ("(area: {south: 37, west: 116, north: 36, east: 118})", "POINT_INVALID"),
    ],
)
async def test_a_question_that_cannot_be_is_refused(
    client: Client, arguments: str, code: str
) -> None:
    query = f"{{ trafficConditions{arguments} {{ segments {{ status }} }} }}"
    assert (await client.run(query)).codes == [code]


@pytest.mark.parametrize(
    ("lost", "level"),
    [(0.0, "SMOOTH"), (0.29, "SMOOTH"), (0.3, "FAIR"), (0.49, "FAIR"), (0.5, "LIGHT"),
     (0.6, "MODERATE"), (0.69, "MODERATE"), (0.7, "SEVERE"), (1.0, "SEVERE"), (-0.2, "SMOOTH")],
)  # fmt: skip
def test_the_levels_of_the_standard(lost: float, level: str) -> None:
    """By the share of time lost: GB/T 33171-2016, annex C."""
    assert congestion_of(100 * (1 - lost), 100, timedelta()) is Congestion(level)


@pytest.mark.parametrize(("speed", "free"), [(-1, 60), (400, 60), (50, 0), (50, inf), (50, nan)])
def test_a_speed_that_cannot_be_is_none(speed: float, free: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        congestion_of(speed, free, timedelta())
