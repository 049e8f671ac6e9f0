"""The traffic platform: what it publishes can be read, by a reader of DATEX II too."""

from core.standards.datex import RoadEventKind, read_situations
from sandbox.systems.traffic import BLIND_SEGMENT, SILENT_SEGMENT
from tests.sandbox.serving import Client


async def test_segments_have_a_speed_unless_nobody_drove(city: Client) -> None:
    _, body = await city.get("/traffic/segments")
    by_id = {row["segment_id"]: row for row in body["segments"]}
    assert len(by_id) == 40 and by_id[BLIND_SEGMENT]["speed_kmh"] is None
    assert by_id[SILENT_SEGMENT]["observed_at"] < by_id["g01"]["observed_at"]
    assert 0 < by_id["g01"]["speed_kmh"] <= by_id["g01"]["free_flow_kmh"]


async def test_situations_are_datex(city: Client) -> None:
    async with city.http.get("/traffic/situations") as reply:
        found = read_situations(await reply.read())
    assert found.unreadable == 0
    assert [record.kind for record in found.items] == [
        RoadEventKind.INCIDENT, RoadEventKind.ROADWORKS, RoadEventKind.CLOSURE,
        RoadEventKind.INCIDENT,
    ]  # fmt: skip
    assert all(len(record.path) == 4 and record.comments["en"] for record in found.items)


async def test_a_camera_shows_its_still(city: Client) -> None:
    _, body = await city.get("/traffic/cameras")
    async with city.http.get(body["cameras"][0]["still_url"]) as reply:
        assert (reply.status, reply.content_type) == (200, "image/svg+xml")
