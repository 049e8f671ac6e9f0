"""The platform that has the cameras and their streams; see docs/upstreams/school-video.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from pydantic import StringConstraints

from core.context.app import App
from core.deadline import Deadline
from core.errors import NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Named
from core.upstream.client import ANY, Response, UpstreamError, UpstreamRejected
from core.upstream.operation import Answer, Request, System, records_of
from modules.safety.video import texts
from modules.safety.video.domain import Camera

PLATFORM = System("school_video")
Hour = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
FILE_MAX_BYTES = 8_000_000
_CAMERAS_STALE, _CAMERAS_FRESH = timedelta(hours=1), timedelta(seconds=30)
_PLAYLIST_STALE, _PLAYLIST_FRESH = timedelta(seconds=20), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CameraRecord:
    """A camera as the platform has it; only one that is `permitted` is shown to anybody."""

    camera_ref: str
    school_code: str
    name_zh: str
    name_en: str
    opens: Hour
    closes: Hour
    every_day: bool
    permitted: bool


@PLATFORM.operation("GET", "/cameras", answers=records_of(CameraRecord, "cameras"), probe=("0",))
def list_records(school_code: str) -> Request:
    """The cameras of a school."""
    return Request(params={"school": school_code})


def _body(response: Response) -> bytes:
    return response.body


@PLATFORM.operation("GET", "/hls", answers=Answer(_body), accept=ANY, body_max_bytes=FILE_MAX_BYTES)
def fetch_file(camera_ref: str, path: str) -> Request:
    """A playlist, a segment or a key of a camera's stream, by its path there."""
    return Request(link=f"/hls/{quote(camera_ref, safe='')}/{quote(path)}")


async def list_cameras(app: App, deadline: Deadline, school_code: str) -> Sequence[Camera]:
    """The permitted cameras of a school; for an hour from memory. Raises Unavailable."""

    async def ask() -> Sequence[Camera]:
        records = await list_records(app, deadline, school_code)
        return [
            Camera(
                one.camera_ref,
                one.school_code,
                Named(one.name_zh, one.name_en),
                one.opens,
                one.closes,
                one.every_day,
            )
            for one in records.items
            if one.permitted and one.school_code == school_code
        ]

    reading = await app.last_good.read_through(
        ("city", "school cameras", school_code), ask,
        clock=app.clock, max_stale=_CAMERAS_STALE, fresh=_CAMERAS_FRESH,
    )  # fmt: skip
    if reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM)
    return reading.value


async def read_playlist(app: App, deadline: Deadline, camera_ref: str, path: str) -> bytes:
    """A playlist, one fetch a second for all who watch; the last one for twenty seconds while the
    platform is silent, so that a player waits instead of giving up. Raises NotFound, Unavailable.
    """
    try:
        reading = await app.last_good.read_through(
            ("city", "playlist", camera_ref, path),
            lambda: fetch_file(app, deadline, camera_ref, path),
            clock=app.clock,
            max_stale=_PLAYLIST_STALE,
            fresh=_PLAYLIST_FRESH,
        )
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None
    if reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM)
    return reading.value


async def read_segment(app: App, deadline: Deadline, camera_ref: str, path: str) -> bytes:
    """Anything else of a stream. Raises NotFound, Unavailable."""
    try:
        return await fetch_file(app, deadline, camera_ref, path)
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM) from None
