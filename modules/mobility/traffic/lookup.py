"""What the traffic platform is asked; see docs/upstreams/traffic.md."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import AwareDatetime

from core.context.app import App
from core.deadline import Deadline
from core.standards.coordinates import known_path, known_point, lies_in_city
from core.standards.datex import SituationRecord, read_situations
from core.texts import Named
from core.upstream.client import ANY
from core.upstream.operation import Answer, Request, System, records_of
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.mobility.traffic.domain import (
    FRESH,
    GreenWave,
    RoadCamera,
    RoadEvent,
    RoadSegment,
    congestion_of,
    is_shown,
)

SERVICE = "traffic-conditions"
PLATFORM = System("traffic")


@dataclass(frozen=True, slots=True)
class _Line:
    points: tuple[tuple[float, float], ...]
    coordinate_system: str


@dataclass(frozen=True, slots=True)
class Segment(_Line):
    """A segment as the platform tells it."""

    segment_id: str
    road_zh: str
    road_en: str
    speed_kmh: float | None
    free_flow_kmh: float
    observed_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Corridor(_Line):
    """A green wave as the platform tells it."""

    corridor_id: str
    name_zh: str
    name_en: str
    speed_min_kmh: int
    speed_max_kmh: int
    adaptive: bool
    active: bool
    updated_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera as the platform tells it."""

    name_zh: str
    name_en: str
    lat: float
    lon: float
    coordinate_system: str
    still_url: str
    taken_at: AwareDatetime


@PLATFORM.operation("GET", "/segments", answers=records_of(Segment, "segments"), hedged=True)
def list_segments() -> Request:
    """Every segment."""
    return Request()


@PLATFORM.operation(
    "GET",
    "/situations",
    answers=Answer(lambda response: read_situations(response.body)),
    accept=ANY,
    hedged=True,
)
def list_situations() -> Request:
    """The situations, DATEX II."""
    return Request()


@PLATFORM.operation("GET", "/corridors", answers=records_of(Corridor, "corridors"), hedged=True)
def list_corridors() -> Request:
    """Every green wave."""
    return Request()


@PLATFORM.operation("GET", "/cameras", answers=records_of(Camera, "cameras"), hedged=True)
def list_cameras() -> Request:
    """Every camera whose stills may be shown."""
    return Request()


async def ask_segments(app: App, deadline: Deadline) -> Records[RoadSegment]:
    """Every segment of the city. Raises UpstreamError."""
    segments, now = await list_segments(app, deadline), app.clock.now()

    def read(row: Segment) -> RoadSegment:
        age = abs(now - row.observed_at)  # of later it is no newer: its clock is wrong
        return RoadSegment(
            segment_ref=row.segment_id,
            road=Named(row.road_zh, row.road_en),
            path=known_path(app.city, row.points, row.coordinate_system),
            congestion=congestion_of(row.speed_kmh, row.free_flow_kmh, age),
            speed_kmh=row.speed_kmh if age <= FRESH else None,
            observed_at=row.observed_at,
        )

    return list_segments.convert(app, segments, read)


async def ask_events(app: App, deadline: Deadline) -> Records[RoadEvent]:
    """What happens on the city's roads; drills are left out. Raises UpstreamError."""
    found, now = await list_situations(app, deadline), app.clock.now()
    shown = [
        one for one in found.items if one.is_real and is_shown(one.starts_at, one.ends_at, now)
    ]

    def read(record: SituationRecord) -> RoadEvent:
        if not any(lies_in_city(app.city, point) for point in record.path):
            raise ValueError("an event that is nowhere in the city")
        zh, en = record.comments.get("zh", ""), record.comments.get("en", "")
        return RoadEvent(
            event_ref=record.record_id,
            kind=record.kind,
            severity=record.severity,
            description=Named(zh or en, en or zh) if zh or en else None,
            path=record.path,
            starts_at=record.starts_at,
            ends_at=record.ends_at,
            updated_at=record.updated_at,
        )

    return list_situations.convert(app, Records(shown, found.unreadable), read)


async def ask_green_waves(app: App, deadline: Deadline) -> Records[GreenWave]:
    """The green waves with the speed of now. Raises UpstreamError."""
    corridors = await list_corridors(app, deadline)

    def read(row: Corridor) -> GreenWave:
        return GreenWave(
            corridor_ref=row.corridor_id,
            name=Named(row.name_zh, row.name_en),
            path=known_path(app.city, row.points, row.coordinate_system),
            speed_min_kmh=row.speed_min_kmh if row.active else None,
            speed_max_kmh=row.speed_max_kmh if row.active else None,
            adaptive=row.adaptive,
            updated_at=row.updated_at,
        )

    return list_corridors.convert(app, corridors, read)


async def ask_cameras(app: App, deadline: Deadline) -> Records[RoadCamera]:
    """The cameras. Raises UpstreamError."""
    cameras = await list_cameras(app, deadline)

    def read(row: Camera) -> RoadCamera:
        if not row.still_url.startswith(("https://", "http://")):
            raise ValueError("no address of a picture")
        return RoadCamera(
            at=known_point(app.city, row.lat, row.lon, row.coordinate_system),
            name=Named(row.name_zh, row.name_en),
            still_url=row.still_url,
            taken_at=row.taken_at,
        )

    return list_cameras.convert(app, cameras, read)


STALE = timedelta(minutes=15)
SEGMENTS = CityLookup(SERVICE, ask_segments, "segments", max_stale=STALE)
EVENTS = CityLookup(SERVICE, ask_events, "events", max_stale=timedelta(hours=2))
GREEN_WAVES = CityLookup(SERVICE, ask_green_waves, "green waves", max_stale=STALE)
CAMERAS = CityLookup(SERVICE, ask_cameras, "cameras", max_stale=STALE)
