"""The utilities' feed of outages: GeoJSON (RFC 7946), asked for anew only where it has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from shapely import GEOSException, make_valid
from shapely.geometry import shape

from core.clock import ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.texts import Named
from core.upstream.client import ANY, Response
from core.upstream.operation import Answer, Connected, Request, System
from core.upstream.records import Records, records_reader
from modules.utilities.outages.domain import Outage, OutageKind, OutageStatus

UTILITIES = System("outages")
_NOT_MODIFIED = 304
_SHAPES = {"Polygon", "MultiPolygon"}


class _Properties(BaseModel):
    """A feature's properties as the feed tells them; others are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: OutageKind
    planned: bool
    cause_zh: str
    cause_en: str
    starts_at: AwareDatetime
    planned_restoration_at: AwareDatetime
    restored_at: AwareDatetime | None
    status: OutageStatus
    households_affected: int
    updated_at: AwareDatetime


class _Feature(BaseModel):
    """A feature as GeoJSON has it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str | int
    properties: _Properties
    geometry: dict[str, Any]


_features = records_reader(_Feature, "features")


@dataclass(frozen=True, slots=True)
class Feed:
    """What is cut off, will be, or was until yesterday; `etag` names this state of the feed."""

    etag: str
    outages: Records[Outage]


def read_feed(response: Response) -> Feed | None:
    """The outages of a FeatureCollection; None where the feed has not changed.

    One that cannot be read leaves the others. Raises KeyError, TypeError or ValueError for anything
    else.
    """
    if response.status == _NOT_MODIFIED:
        return None
    collection = response.json()
    if collection["type"] != "FeatureCollection":
        raise ValueError("not a FeatureCollection")
    return Feed(response.headers.get("ETag", ""), _features(collection).convert(_outage))


@UTILITIES.operation("GET", "/feed.geojson", answers=Answer(read_feed, form=_Feature), accept=ANY)
def fetch_feed(etag: str) -> Request:
    """The feed; None where it is still that of this ETag."""
    return Request(headers={"If-None-Match": etag} if etag else None)


@dataclass
class LatestFeed:
    """The feed as this process has last seen it."""

    feed: Feed = Feed("", Records(()))

    async def update(self, app: Connected, deadline: Deadline) -> Sequence[Outage]:
        """The outages of now. Raises UpstreamError."""
        changed = await fetch_feed(app, deadline, self.feed.etag)
        if changed is not None:
            self.feed = changed
            if changed.outages.unreadable:
                app.upstreams.note_unreadable(fetch_feed, changed.outages.unreadable)
        return self.feed.outages.items


async def list_outages(app: App, deadline: Deadline) -> Sequence[Outage]:
    """What is cut off, will be, or was until yesterday. Raises UpstreamError."""
    return await app.once(LatestFeed, LatestFeed).update(app, deadline)


def _outage(feature: _Feature) -> Outage:
    properties, geometry = feature.properties, feature.geometry
    if geometry.get("type") not in _SHAPES:
        raise ValueError("an outage is an area")
    try:
        area = make_valid(shape(geometry))
    except (GEOSException, AttributeError, KeyError, TypeError, IndexError):
        raise ValueError("no shape") from None
    if area.geom_type not in _SHAPES or area.is_empty:
        raise ValueError("an outage has an extent")
    return Outage(
        outage_ref=str(feature.id)[:64],
        kind=properties.kind,
        planned=properties.planned,
        cause=Named(properties.cause_zh, properties.cause_en),
        starts_at=ensure_utc(properties.starts_at),
        planned_restoration_at=ensure_utc(properties.planned_restoration_at),
        restored_at=_utc(properties.restored_at),
        status=properties.status,
        households_affected=properties.households_affected,
        updated_at=ensure_utc(properties.updated_at),
        shape=area,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else ensure_utc(moment)
