"""The utilities' feed of outages: GeoJSON (RFC 7946), asked for anew only where it has changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from shapely import GEOSException, make_valid
from shapely.geometry import shape

from core.clock import ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import UpstreamFailed
from modules.bills.outages.domain import Outage, OutageKind, OutageStatus

_NOT_MODIFIED = 304
_SHAPES = {"Polygon", "MultiPolygon"}


class Outages(Protocol):
    """What bills needs of the utilities' outage feed."""

    async def list_outages(self, deadline: Deadline) -> Sequence[Outage]:
        """What is cut off, will be, or was until yesterday. Raises UpstreamError."""
        ...


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


class OutagesClient:
    """The feed over HTTP; see docs/upstreams/outages.md. Remembers the last answer by its ETag."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("outages", address)
        self._etag = ""
        self._last: Sequence[Outage] = ()

    async def list_outages(self, deadline: Deadline) -> Sequence[Outage]:
        """See the protocol."""
        answer = await self._http.request(
            "GET",
            "/feed.geojson",
            operation="list_outages",
            deadline=deadline,
            headers={"If-None-Match": self._etag} if self._etag else None,
            accept="*/*",
        )
        if answer.status == _NOT_MODIFIED:
            return self._last
        outages = read_feed(answer.json())
        self._etag, self._last = answer.headers.get("ETag", ""), outages
        return outages


def read_feed(told: Any) -> Sequence[Outage]:
    """The outages of a FeatureCollection. Raises UpstreamFailed for anything else."""
    try:
        if told["type"] != "FeatureCollection":
            raise ValueError("not a FeatureCollection")
        return [_outage(feature) for feature in told["features"]]
    except (KeyError, TypeError, ValueError, ValidationError, GEOSException, AttributeError):
        raise UpstreamFailed("outages", "list_outages", "unknown form") from None


def _outage(feature: Mapping[str, Any]) -> Outage:
    properties = _Properties.model_validate(feature["properties"])
    geometry = feature["geometry"]
    if geometry["type"] not in _SHAPES:
        raise ValueError("an outage is an area")
    area = make_valid(shape(geometry))
    if area.geom_type not in _SHAPES or area.is_empty:
        raise ValueError("an outage has an extent")
    return Outage(
        outage_ref=str(feature["id"])[:64],
        kind=properties.kind,
        planned=properties.planned,
        cause_zh=properties.cause_zh,
        cause_en=properties.cause_en,
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
