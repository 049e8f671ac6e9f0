"""Service 49 in GraphQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    guarded_mutation,
    guarded_query,
    parse_id,
    service_query,
    signed_in,
)
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.bills.models import OutageWatch as WatchRow
from modules.bills.outages import domain, service
from modules.bills.outages.domain import UTILITY_OUTAGE_NOTICE, Area, OutageKind, Spot

strawberry.enum(OutageKind, name="OutageKind", description="What is cut off: WATER, POWER or GAS.")
strawberry.enum(
    domain.OutageStatus,
    name="OutageStatus",
    description="SCHEDULED: known beforehand. ONGOING: cut off now. RESTORED: over.",
)


@strawberry.input(description="A point, WGS 84.")
class GeoPointInput:
    """A point."""

    lat: float = strawberry.field(description="Latitude in degrees, -90 to 90.")
    lon: float = strawberry.field(description="Longitude in degrees, -180 to 180.")


@strawberry.input(description="A rectangle, WGS 84.")
class GeoAreaInput:
    """A rectangle."""

    south: float = strawberry.field(description="Its lowest latitude.")
    west: float = strawberry.field(description="Its lowest longitude.")
    north: float = strawberry.field(description="Its highest latitude.")
    east: float = strawberry.field(description="Its highest longitude.")


@strawberry.type(description="A point, WGS 84.")
class GeoPoint:
    """A point."""

    lat: float = strawberry.field(description="Latitude in degrees.")
    lon: float = strawberry.field(description="Longitude in degrees.")


@strawberry.type(description="Water, power or gas that is, will be or was cut off somewhere.")
class UtilityOutage:
    """An outage."""

    id: strawberry.ID = strawberry.field(description="The utility's lasting id for it.")
    kind: OutageKind = strawberry.field(description="What is cut off.")
    planned: bool = strawberry.field(description="Whether it was planned.")
    cause: str = strawberry.field(description="Why.")
    status: domain.OutageStatus = strawberry.field(description="How far it is.")
    starts_at: datetime = strawberry.field(description="When it begins or began.")
    planned_restoration_at: datetime = strawberry.field(description="When it is to be over.")
    restored_at: datetime | None = strawberry.field(description="When it was over.")
    households_affected: int = strawberry.field(description="About how many households.")
    updated_at: datetime = strawberry.field(description="When the utility last changed this.")
    outline: list[list[GeoPoint]] = strawberry.field(
        description="Its outer edge, a closed ring for each separate part."
    )


@strawberry.type(description="Outages, and how fresh that is.")
class UtilityOutages:
    """What utilityOutages answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    outages: list[UtilityOutage] = strawberry.field(
        description="What is going on or yet to come first, then what is over."
    )


@strawberry.type(description="A place of whose outages the viewer is told.")
class OutageWatch:
    """A watched place."""

    id: strawberry.ID = strawberry.field(description="Its id, for unwatchOutages.")
    label: str = strawberry.field(description="The viewer's own name for it, perhaps empty.")
    at: GeoPoint = strawberry.field(description="Where it is.")
    kinds: list[OutageKind] = strawberry.field(description="Of what the viewer is told.")
    outages: list[UtilityOutage] = strawberry.field(
        description="What is cut off there or will be; empty too while the feed is silent."
    )


@strawberry.type(description="The place is watched.")
class OutagesWatched:
    """What watchOutages answers."""

    watch: OutageWatch = strawberry.field(description="The place.")


@strawberry.type(description="The place is watched no more.")
class OutagesUnwatched:
    """What unwatchOutages answers."""

    watch_id: strawberry.ID = strawberry.field(description="The place's id.")


WatchOutagesResult = Annotated[OutagesWatched | Refused, strawberry.union("WatchOutagesResult")]
UnwatchOutagesResult = Annotated[
    OutagesUnwatched | Refused, strawberry.union("UnwatchOutagesResult")
]


@strawberry.type
class Query:
    """The query fields of service 49."""

    @service_query(
        UTILITY_OUTAGE_NOTICE,
        description="Water, power and gas cut off at a place, in an area, or in the whole city.",
    )
    async def utility_outages(
        self,
        info: Info,
        kind: Annotated[
            OutageKind | None, strawberry.argument(description="Only this; all when null.")
        ] = None,
        at: Annotated[
            GeoPointInput | None, strawberry.argument(description="Only what covers this place.")
        ] = None,
        area: Annotated[
            GeoAreaInput | None, strawberry.argument(description="Only what touches this area.")
        ] = None,
    ) -> UtilityOutages:
        """Open to anybody; yesterday's and those of the week to come."""
        reading = await service.read_outages(
            info.context,
            kind=kind,
            at=Spot(at.lat, at.lon) if at else None,
            area=Area(area.south, area.west, area.north, area.east) if area else None,
        )
        return UtilityOutages(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            outages=[_outage(info.context, outage) for outage in reading.value or ()],
        )

    @guarded_query(signed_in(), description="The places of whose outages the viewer is told.")
    async def outage_watches(self, info: Info) -> list[OutageWatch]:
        """With what is cut off there."""
        rows = await service.list_watches(info.context)
        return await _watches(info.context, rows)


@strawberry.type
class Mutation:
    """The mutation fields of service 49."""

    @guarded_mutation(
        signed_in(), description="Be told of outages at a place: once of each, and of its end."
    )
    async def watch_outages(
        self,
        info: Info,
        at: Annotated[GeoPointInput, strawberry.argument(description="Where.")],
        idempotency_key: IdempotencyKey,
        label: Annotated[
            str, strawberry.argument(description="The viewer's name for it, up to 16 characters.")
        ] = "",
        kinds: Annotated[
            list[OutageKind] | None, strawberry.argument(description="Of what; all when null.")
        ] = None,
    ) -> WatchOutagesResult:
        """At most ten places."""
        row = await service.watch(
            info.context, label, Spot(at.lat, at.lon), kinds or (), idempotency_key
        )
        (watch,) = await _watches(info.context, [row])
        return OutagesWatched(watch=watch)

    @guarded_mutation(signed_in(), description="Watch a place no more.")
    async def unwatch_outages(
        self,
        info: Info,
        watch_id: Annotated[strawberry.ID, strawberry.argument(description="The place's id.")],
        idempotency_key: IdempotencyKey,
    ) -> UnwatchOutagesResult:
        """A place that is gone already, or somebody else's, is not found."""
        await service.unwatch(info.context, parse_id(watch_id))
        return OutagesUnwatched(watch_id=watch_id)


async def _watches(call: Call, rows: Sequence[WatchRow]) -> list[OutageWatch]:
    reading = await service.read_outages(call, kind=None, at=None, area=None) if rows else None
    known = (reading.value if reading else None) or ()
    return [_watch(call, row, known) for row in rows]


def _watch(call: Call, row: WatchRow, known: Sequence[domain.Outage]) -> OutageWatch:
    spot = service.spot_of(call.app, row)
    kinds = [OutageKind(kind) for kind in row.kinds.split(",")]
    here = domain.present_at(known, spot, kinds)
    return OutageWatch(
        id=strawberry.ID(str(row.id)),
        label=row.label,
        at=GeoPoint(lat=spot.lat, lon=spot.lon),
        kinds=kinds,
        outages=[_outage(call, outage) for outage in here],
    )


def _outage(call: Call, outage: domain.Outage) -> UtilityOutage:
    return UtilityOutage(
        id=strawberry.ID(outage.outage_ref),
        kind=outage.kind,
        planned=outage.planned,
        cause=outage.cause_zh if call.locale is Locale.ZH else outage.cause_en,
        status=outage.status,
        starts_at=outage.starts_at,
        planned_restoration_at=outage.planned_restoration_at,
        restored_at=outage.restored_at,
        households_affected=outage.households_affected,
        updated_at=outage.updated_at,
        outline=[
            [GeoPoint(lat=spot.lat, lon=spot.lon) for spot in ring] for ring in outage.outline
        ],
    )
