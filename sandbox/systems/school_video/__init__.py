"""The video platform of the schools: which cameras there are, and a live stream of each (HLS)."""

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.institutions import schools
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Refusal, reply
from sandbox.systems.school_video.transport_stream import SEGMENT_S, segment

WINDOW = 6
_CAMERAS = (
    ("gate", "校门口", "School gate", "00:00", "24:00", True, True),
    ("playground", "操场", "Playground", "07:00", "18:00", False, True),
    ("classroom", "教室", "Classroom", "08:00", "17:00", False, False),
)
"""What it shows, its names, its hours, whether on every day, whether guardians may see it."""
_MEDIA = "application/vnd.apple.mpegurl"


async def cameras(request: Request, city: City) -> Response:
    """The cameras of a school."""
    code = request.query_params.get("school")
    known = {school["code"] for school in schools()}
    listed = [
        {
            "camera_ref": f"{code}-{place}", "school_code": code, "name_zh": zh, "name_en": en,
            "opens": opens, "closes": closes, "every_day": every_day, "permitted": permitted,
        }
        for place, zh, en, opens, closes, every_day, permitted in _CAMERAS
        if code in known
    ]  # fmt: skip
    return reply({"cameras": listed})


async def file(request: Request, city: City) -> Response:
    """A playlist or a segment. The stream has neither beginning nor end; the clock says where
    it is."""
    place = request.path_params["camera"].rpartition("-")[2]
    if place not in {camera[0] for camera in _CAMERAS}:
        raise Refusal(404, "NO_SUCH_CAMERA", "no such camera")
    name = request.path_params["name"]
    if name == "index.m3u8":
        variant = '#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.42c00a",RESOLUTION=128x96'
        return _playlist(variant, "main.m3u8?session=1")
    last = int(city.now().timestamp()) // SEGMENT_S - 1
    numbers = range(last - WINDOW + 1, last + 1)
    if name == "main.m3u8":
        segments = [line for n in numbers for line in (f"#EXTINF:{SEGMENT_S}.0,", f"seg{n}.ts")]
        head = f"#EXT-X-TARGETDURATION:{SEGMENT_S}", f"#EXT-X-MEDIA-SEQUENCE:{numbers[0]}"
        return _playlist(*head, *segments)
    number = name.removeprefix("seg").removesuffix(".ts")
    if not number.isdigit() or not last - 4 * WINDOW < int(number[:12]) <= last:
        raise Refusal(404, "NO_SUCH_SEGMENT", "the stream has gone on")
    return Response(segment(int(number)), media_type="video/mp2t")


def _playlist(*lines: str) -> Response:
    text = "\n".join(("#EXTM3U", "#EXT-X-VERSION:3", *lines)) + "\n"
    return Response(text, media_type=_MEDIA)


SYSTEMS = (
    System(
        name="school_video",
        title_zh="校园视频平台",
        title_en="School video platform",
        operations=(
            Operation("list_records", "GET", "/school-video/cameras", cameras),
            Operation("fetch_file", "GET", "/school-video/hls/{camera}/{name}", file),
        ),
    ),
)
