"""The traffic platform: speeds by road segment, situations in DATEX II, green waves, cameras."""

import math
import random
from datetime import datetime, timedelta
from xml.etree import ElementTree

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Place
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import reply

SEGMENT_COUNT, CAMERA_COUNT = 40, 8
OBSERVED_EVERY = timedelta(minutes=1)
SILENT_SEGMENT, SILENT_FOR = "g07", timedelta(minutes=25)
BLIND_SEGMENT = "g08"
"""A segment over which nobody has driven: it has no speed."""
_MESSAGE = "http://datex2.eu/schema/3/messageContainer"
_SITUATION = "http://datex2.eu/schema/3/situation"
_COMMON = "http://datex2.eu/schema/3/common"
_LOCATION = "http://datex2.eu/schema/3/locationReferencing"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
SITUATIONS = (
    (
        "T1",
        "Accident",
        "high",
        -1,
        2,
        "两车追尾,占用一条车道",
        "Two cars collided, one lane blocked",
    ),
    ("T2", "MaintenanceWorks", "medium", -72, 240, "热力管线施工", "Works on a heating main"),
    ("T3", "RoadOrCarriagewayOrLaneManagement", "high", 20, 30, "夜间封闭", "Closed at night"),
    ("T4", "VehicleObstruction", "low", -3, -1, "故障车,已排除", "A breakdown, cleared"),
)
"""Id, type, severity, first and last hour from now, Chinese and English comment."""
CORRIDORS = (
    ("w1", "示范大道", "Shifan Avenue", 42, 48, (0, 24), True),
    ("w2", "样例路", "Yangli Road", 38, 44, (7, 19), False),
    ("w3", "沙盒街", "Shahe Street", 35, 40, (0, 0), False),
)
"""Id, Chinese and English name, lowest and highest speed, hours, whether signals adapt."""


def _line(city: City, name: str, points: int = 4) -> list[Place]:
    """A road of a kilometre or two somewhere in the city."""
    draw = random.Random(f"{city.settings.seed}:road:{name}")
    at, angle = city.geography.somewhere(draw), draw.random() * math.tau
    step_m = draw.randint(300, 700)
    line = [at]
    for _ in range(points - 1):
        angle += draw.uniform(-0.3, 0.3)
        line.append(line[-1].moved(step_m * math.cos(angle), step_m * math.sin(angle)))
    return line


def _pairs(line: list[Place]) -> list[list[float]]:
    return [[place.lat, place.lon] for place in line]


def _minute(city: City) -> datetime:
    step_s = OBSERVED_EVERY.total_seconds()
    return datetime.fromtimestamp(city.now().timestamp() // step_s * step_s, SHANGHAI)


async def segments(request: Request, city: City) -> Response:
    """Every segment with its speed now and when the road is empty."""
    now = _minute(city)
    rush = math.exp(-(((now.hour - 8) / 1.5) ** 2)) + math.exp(-(((now.hour - 18) / 1.5) ** 2))
    rows = []
    for number in range(1, SEGMENT_COUNT + 1):
        segment_id = f"g{number:02d}"
        draw = random.Random(f"{city.settings.seed}:{segment_id}:{now:%Y%m%d%H%M}")
        free_kmh = 40 + 10 * (number % 4)
        speed = free_kmh * max(0.1, draw.uniform(0.6, 1.0) - 0.5 * rush)
        silent = SILENT_FOR if segment_id == SILENT_SEGMENT else timedelta()
        rows.append(
            {
                "segment_id": segment_id,
                "road_zh": f"示范{number}路",
                "road_en": f"Shifan Road {number}",
                "points": _pairs(_line(city, segment_id)),
                "coordinate_system": "WGS 84",
                "speed_kmh": None if segment_id == BLIND_SEGMENT else round(speed, 1),
                "free_flow_kmh": free_kmh,
                "observed_at": (now - silent).isoformat(),
            }
        )
    return reply({"segments": rows})


async def corridors(request: Request, city: City) -> Response:
    """Roads on which the lights are green in turn, with the speed at which they are."""
    rows = [
        {
            "corridor_id": corridor_id, "name_zh": zh, "name_en": en,
            "points": _pairs(_line(city, corridor_id, 6)), "coordinate_system": "WGS 84",
            "speed_min_kmh": low, "speed_max_kmh": high, "adaptive": adaptive,
            "active": hours[0] <= _minute(city).hour < hours[1],
            "updated_at": _minute(city).isoformat(),
        }
        for corridor_id, zh, en, low, high, hours, adaptive in CORRIDORS
    ]  # fmt: skip
    return reply({"corridors": rows})


async def cameras(request: Request, city: City) -> Response:
    """Cameras whose stills may be shown, with the address of the newest."""
    rows = []
    for number in range(1, CAMERA_COUNT + 1):
        at = _line(city, f"g{number:02d}")[0]
        camera_id, crossing_zh = f"c{number:02d}", f"示范{number}路口"
        rows.append(
            {
                "camera_id": camera_id, "name_zh": crossing_zh, "name_en": f"Crossing {number}",
                "lat": at.lat, "lon": at.lon, "coordinate_system": "WGS 84",
                "still_url": f"{request.base_url}traffic/cameras/{camera_id}/still.svg",
                "taken_at": _minute(city).isoformat(),
            }
        )  # fmt: skip
    return reply({"cameras": rows})


async def still(request: Request, city: City) -> Response:
    """What a camera sees: a drawing, there being nobody to film."""
    name = "".join(c for c in request.path_params["camera_id"] if c.isalnum())
    text = f"{name} {_minute(city):%H:%M}"
    body = f'<svg xmlns="http://www.w3.org/2000/svg"><text y="20">{text}</text></svg>'
    return Response(body, 200, media_type="image/svg+xml")


async def situations(request: Request, city: City) -> Response:
    """What happens on the roads, as DATEX II 3."""
    now = city.now()
    container = ElementTree.Element(f"{{{_MESSAGE}}}messageContainer", {"modelBaseVersion": "3"})
    payload = ElementTree.SubElement(
        container,
        f"{{{_MESSAGE}}}payload",
        {f"{{{_XSI}}}type": "sit:SituationPublication", "lang": "zh", "modelBaseVersion": "3"},
    )
    _add(payload, _COMMON, "publicationTime", now.isoformat())
    for row in SITUATIONS:
        _add_situation(city, payload, now, row)
    body = ElementTree.tostring(container, encoding="utf-8", xml_declaration=True)
    return Response(body, 200, media_type="application/xml")


def _add_situation(
    city: City,
    payload: ElementTree.Element,
    now: datetime,
    row: tuple[str, str, str, int, int, str, str],
) -> None:
    name, kind, severity, first, last, zh, en = row
    situation = _add(payload, _SITUATION, "situation", id=name)
    _add(situation, _SITUATION, "overallSeverity", severity)
    header = _add(situation, _SITUATION, "headerInformation")
    _add(header, _COMMON, "informationStatus", "real")
    record = _add(situation, _SITUATION, "situationRecord", id=f"{name}-1", version="1")
    record.set(f"{{{_XSI}}}type", f"sit:{kind}")
    _add(record, _SITUATION, "situationRecordVersionTime", now.isoformat())
    validity = _add(record, _SITUATION, "validity")
    times = _add(validity, _COMMON, "validityTimeSpecification")
    _add(times, _COMMON, "overallStartTime", (now + timedelta(hours=first)).isoformat())
    _add(times, _COMMON, "overallEndTime", (now + timedelta(hours=last)).isoformat())
    comment = _add(_add(record, _SITUATION, "generalPublicComment"), _SITUATION, "comment")
    values = _add(comment, _COMMON, "values")
    for language, words in (("zh", zh), ("en", en)):
        _add(values, _COMMON, "value", words, lang=language)
    reference = _add(record, _SITUATION, "locationReference")
    line = _add(reference, _LOCATION, "gmlLineString", srsName="WGS 84")
    numbers = (f"{place.lat} {place.lon}" for place in _line(city, name))
    _add(line, _LOCATION, "posList", " ".join(numbers))
    if kind == "RoadOrCarriagewayOrLaneManagement":
        _add(record, _SITUATION, "roadOrCarriagewayOrLaneManagementType", "roadClosed")


def _add(
    parent: ElementTree.Element, space: str, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{space}}}{name}", attributes)
    child.text = text
    return child


SYSTEMS = (
    System(
        name="traffic",
        title_zh="道路交通运行平台",
        title_en="Traffic platform",
        operations=(
            Operation("segments", "GET", "/traffic/segments", segments),
            Operation("situations", "GET", "/traffic/situations", situations),
            Operation("corridors", "GET", "/traffic/corridors", corridors),
            Operation("cameras", "GET", "/traffic/cameras", cameras),
            Operation("still", "GET", "/traffic/cameras/{camera_id}/still.svg", still),
        ),
    ),
)
