"""School video: who sees which camera when, by which addresses, until when; and the log of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import m3u8
import orjson
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY
from core.errors import Conflict, Forbidden, NotFound, Unavailable
from core.ids import new_id
from core.settings import Settings
from modules.identity import families
from modules.safety.schools.upstream import BUREAU
from modules.safety.video import service
from modules.safety.video.domain import LIFE, LIVE, OUTAGE, SURE_FOR, SchoolVideo
from modules.safety.video.models import SchoolVideoView
from modules.safety.video.upstream import PLATFORM
from sandbox.systems.schools.gates import signed_headers
from tests.asgi import Answer, Client
from tests.conftest import NOON
from tests.modules.safety.schools.bureau import FakeBureau, key_of, make_family
from tests.modules.safety.video.platform import FakePlatform
from tests.upstreams import by_operation

GATE = "s001-gate"


@pytest.fixture
def bureau() -> FakeBureau:
    """The education bureau."""
    return FakeBureau()


@pytest.fixture
def platform() -> FakePlatform:
    """The video platform."""
    return FakePlatform()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A proxy in front tells from where players ask."""
    return settings.model_copy(update={"trusted_proxies": 1})


@pytest.fixture
def upstreams(bureau: FakeBureau, platform: FakePlatform) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(bureau, BUREAU) | by_operation(platform, PLATFORM)


@dataclass
class Player:
    """An HLS client: it follows what playlists say, and sends nothing but its name."""

    client: Client
    name: str = "player/1.0"
    address: str = "127.0.0.1"

    async def get(self, url: str) -> Answer:
        """One file."""
        headers = {"user-agent": self.name, "x-forwarded-for": self.address}
        return await self.client.request("GET", url, headers=headers)

    async def play(self, url: str) -> list[tuple[str, int]]:
        """Fetch all that a player fetches; each address with the status of its answer."""
        first = await self.get(url)
        fetched = [(url, first.status)]
        if first.status != 200:
            return fetched
        playlist = m3u8.loads(first.body.decode())
        for variant in playlist.playlists:
            fetched += await self.play(urljoin(url, variant.uri))
        parts = [*playlist.keys, *playlist.segment_map, *playlist.segments]
        for part in parts:
            if part is not None:
                address = urljoin(url, part.uri)
                fetched.append((address, (await self.get(address)).status))
        return fetched


async def guardian(app: App, bureau: FakeBureau, guardians: int = 1) -> Call:
    """A guardian of a pupil of s001."""
    return (await make_family(app, bureau, "P1", guardians=guardians)).guardians[0]


async def watch(call: Call, camera: str = GATE) -> SchoolVideo:
    """Open a camera."""
    return await service.open_video(call, camera, f"key-{new_id().hex}")


async def test_a_player_without_headers_plays_all_and_each_address_is_signed_for_itself(
    app: App, client: Client, bureau: FakeBureau, platform: FakePlatform
) -> None:
    """MiBeeNvr#331, video.js#7274: the token stood on the playlist alone."""
    video = await watch(await guardian(app, bureau))
    fetched = await Player(client).play(video.url)
    assert [status for _, status in fetched] == [200] * 6
    assert platform.fetched == [
        "index.m3u8", "main.m3u8", "key.bin", "init.mp4", "seg1.m4s", "seg2.m4s",
    ]  # fmt: skip
    signatures = {url.rpartition("=")[2] for url, _ in fetched}
    assert len(signatures) == 6
    segment = fetched[-1][0]
    bare, signature = segment.partition("?")[0], segment.rpartition("=")[2]
    until = segment.partition("until=")[2].partition("&")[0]
    others = [
        bare,
        f"{bare}?until={until}",
        segment.replace(signature, signature[::-1]),
        segment.replace("seg2", "seg1"),
        segment.replace(until, str(int(until) + 60)),
        segment.replace(bare.split("/")[2], str(new_id())),
        segment.replace("seg2.m4s", "../seg2.m4s"),
    ]
    answers = [await Player(client).get(url) for url in others]
    assert {(one.status, one.body) for one in answers} == {(403, answers[0].body)}
    assert answers[0].json["title"] == "VIDEO_URL_INVALID"


async def test_a_segment_keeps_its_path_when_its_playlist_is_signed_anew(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    """hls.js compares the addresses of a segment without their queries, and ends playback where
    they differ ("media sequence mismatch"; src/utils/level-helper.ts)."""
    video, player = await watch(await guardian(app, bureau)), Player(client)
    first = [url for url, _ in await player.play(video.url)][1:]
    clock.move(timedelta(seconds=2))
    second = [url for url, _ in await player.play(video.url)][1:]
    assert [url.partition("?")[0] for url in first] == [url.partition("?")[0] for url in second]
    assert not set(first) & set(second)


async def test_an_address_that_ends_mid_play_is_refused_once_and_the_app_asks_again(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    me, player = await guardian(app, bureau), Player(client)
    video = await watch(me)
    assert video.expires_at == NOON + LIFE
    (_, segment) = [url for url, _ in await player.play(video.url)][-2:]
    clock.move(LIFE)
    assert [(await player.get(url)).status for url in (video.url, segment)] == [403, 403]
    fresh = await watch(me)
    assert {status for _, status in await player.play(fresh.url)} == {200}


async def test_when_guardianship_ends_playback_stops_within_a_minute(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    me, player = await guardian(app, bureau), Player(client)
    fetched = await player.play((await watch(me)).url)
    assert me.mandate is not None
    await families.end_mandate(me, me.mandate.id)
    clock.move(SURE_FOR)
    assert max(SURE_FOR, OUTAGE) < timedelta(minutes=1)
    assert {(await player.get(url)).status for url, _ in fetched} == {403}
    with pytest.raises(NotFound):
        await service.open_video(me, GATE, "key-00000001")


async def test_a_copied_address_plays_for_nobody_else(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    me = await guardian(app, bureau)
    video = await watch(me)
    elsewhere = Player(client, address="203.0.113.9")
    assert (await elsewhere.get(video.url)).status == 403  # before its owner, too
    assert (await Player(client).get(video.url)).status == 200
    assert (await elsewhere.get(video.url)).status == 403
    assert (await Player(client, name="vlc/3").get(video.url)).status == 403
    assert (await Player(client).get(video.url)).status == 200


async def test_permitted_cameras_at_their_hours_on_school_days(
    app: App, bureau: FakeBureau, platform: FakePlatform, clock: ManualClock
) -> None:
    me = await guardian(app, bureau)
    found = await service.read_cameras(me)
    assert [one.camera_ref for one in found.cameras] == [GATE, "s001-yard", "s001-hall"]
    for camera in ("s001-classroom", "s002-gate", "nothing"):
        with pytest.raises(NotFound):
            await watch(me, camera)
    for ahead in (timedelta(hours=6), timedelta(days=5)):  # evening; Saturday
        clock.move(ahead)
        with pytest.raises(Forbidden, match="CAMERA_SHUT"):
            await watch(me)
        clock.move(-ahead)
    assert await SchoolVideoView.all().count() == 0


async def test_a_camera_that_is_withdrawn_or_shuts_ends_its_streams(
    app: App, client: Client, bureau: FakeBureau, platform: FakePlatform, clock: ManualClock
) -> None:
    video = await watch(await guardian(app, bureau))
    assert (await Player(client).get(video.url)).status == 200
    platform.permitted["gate"] = False
    clock.move(timedelta(seconds=40))
    assert (await Player(client).get(video.url)).status == 403


async def test_two_cameras_at_a_time_by_one_guardian(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    me = await guardian(app, bureau)
    first = await watch(me)
    await watch(me, "s001-yard")
    with pytest.raises(Conflict, match="TOO_MANY_VIEWS"):
        await watch(me, "s001-hall")
    for _ in range(2):
        again = await service.open_video(me, GATE, "key-00000001")
        assert again.view_id == first.view_id
    assert await SchoolVideoView.all().count() == 2
    clock.move(max(LIVE, CREDENTIAL_REPLAY))
    with pytest.raises(Conflict, match="KEY_EXPIRED"):
        await service.open_video(me, GATE, "key-00000001")
    assert await SchoolVideoView.all().count() == 2
    await watch(me, "s001-hall")
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await service.open_video(me, "s001-yard", "key-00000001")


async def test_school_and_guardians_see_the_log(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1", guardians=2)
    one, other = family.guardians
    video = await watch(one)
    clock.move(timedelta(seconds=20))
    await Player(client).get(video.url)
    (mine,) = await service.list_views(one)
    (theirs,) = await service.list_views(other)
    assert (mine.by_me, theirs.by_me) == (True, False)
    assert (mine.opened_at, mine.last_seen_at) == (NOON, NOON + timedelta(seconds=20))
    path = "/ingest/schools/v1/video-views"
    for school, expected in (("s001", 1), ("s002", 0)):
        headers = signed_headers(key_of(school), school, b"", NOON, method="GET", path=path)
        answer = await client.request("GET", f"{path}?since=2026-11-23T00:00:00Z", headers=headers)
        assert (answer.status, len(answer.json["views"])) == (200, expected)
    assert (await client.request("GET", path)).status == 401
    clock.move(timedelta(days=181))
    await service.forget_views(app)
    assert await service.list_views(one) == []


async def test_playback_outlives_an_outage_of_the_platform(
    app: App, client: Client, bureau: FakeBureau, platform: FakePlatform, clock: ManualClock
) -> None:
    """mediamtx#5736: a 401 in a short outage ends playback for good; a 503 does not."""
    video, player = await watch(await guardian(app, bureau)), Player(client)
    fetched = await player.play(video.url)
    platform.is_silent = True
    clock.move(timedelta(seconds=15))
    again = [(await player.get(url)).status for url, _ in fetched]
    assert again == [200, 200, 503, 503, 503, 503]
    platform.is_silent = False
    assert {(await player.get(url)).status for url, _ in fetched} == {200}


def _asked(**changes: str) -> bytes:
    asked = {
        "user": "", "password": "", "token": "", "ip": "127.0.0.1", "action": "read",
        "path": GATE, "protocol": "hls", "id": "", "query": "",
    }  # fmt: skip
    return orjson.dumps(asked | changes)


async def test_a_media_server_asks_in_the_form_of_mediamtx(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    """MediaMTX, docs/2-features/06-authentication.md: empty credentials at first get a 401."""
    video = await watch(await guardian(app, bureau))
    for asked, status in (
        (_asked(), 401),
        (_asked(query="other=1"), 401),
        (_asked(token=video.token), 204),
        (_asked(user=str(video.view_id), password=video.token), 204),
        (_asked(query=f"token={video.token}"), 204),
        (_asked(token=video.token, path="s001-yard"), 403),
        (_asked(token=video.token, action="publish"), 403),
        (_asked(token=video.token, action="api"), 403),
        (_asked(token=video.token, ip="203.0.113.9"), 403),
        (_asked(token=video.token[:-1] + "x"), 403),
        (_asked(token="a.b.c"), 403),
        (_asked(user="somebody"), 403),
        (b"not JSON", 403),
        (b"[]", 403),
        (b" " * 10_000, 403),
    ):
        answer = await client.post(asked, path="/school-video/authorise")
        assert answer.status == status, asked


async def test_whoever_is_no_guardian_learns_nothing(
    app: App, client: Client, bureau: FakeBureau, citizen: Any
) -> None:
    family = await make_family(app, bureau, "P1")
    stranger = await citizen()
    key = {"cameraRef": GATE, "key": "key-00000001"}
    for name in ("SchoolCameras", "SchoolVideoViews", "OpenSchoolVideo"):
        answers = [
            await client.operate(name, {"onBehalfOf": str(of)} | key, viewer=stranger)
            for of in (family.child_id, new_id())
        ]
        assert answers[0].body == answers[1].body and b"NOT_FOUND" in answers[0].body
    assert await SchoolVideoView.all().count() == 0


def test_hours_end_at_their_minute() -> None:
    camera = service.Camera("c", "s", None, "07:00", "24:00", every_day=True)  # type: ignore[arg-type]
    day = NOON.replace(hour=15, minute=59)  # 23:59 in Shanghai
    assert camera.is_open(day) and not camera.is_open(day + timedelta(minutes=1))
    assert not replace(camera, closes="23:59").is_open(day)


async def test_a_school_that_cannot_be_read_is_not_shut(app: App, bureau: FakeBureau) -> None:
    bureau.bad = {"s001"}
    me = await guardian(app, bureau)
    for ask in (service.read_cameras(me), watch(me)):
        with pytest.raises(Unavailable, match="UPSTREAM_UNAVAILABLE"):
            await ask
    assert await SchoolVideoView.all().count() == 0
