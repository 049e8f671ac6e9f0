"""Service 49 in GraphQL."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    GeoAreaInput,
    GeoPointInput,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    reading_view,
    signed_in,
    view,
)
from core.standards.coordinates import GeoPoint
from core.upstream.readings import Reading
from modules.bills.models import OutageWatch as WatchRow
from modules.bills.outages import domain, service
from modules.bills.outages.domain import UTILITY_OUTAGE_NOTICE, OutageKind

view(OutageKind)
view(domain.OutageStatus)


view(
    domain.Outage,
    name="UtilityOutage",
    names={"outage_ref": "code"},
    hidden=("shape",),
)
UtilityOutages = reading_view(
    "UtilityOutages",
    "Outages, and how fresh that is.",
    items=Annotated[
        Sequence[domain.Outage], "What is going on or yet to come first, then what is over."
    ],
)


@strawberry.type(description="A place of whose outages the viewer is told.")
class OutageWatch:
    id: strawberry.ID = strawberry.field(description="Its id, for unwatchOutages.")
    label: str = strawberry.field(description="The viewer's own name for it, perhaps empty.")
    at: GeoPoint = strawberry.field(description="Where it is.")
    kinds: list[OutageKind] = strawberry.field(description="Of what the viewer is told.")
    outages: list[domain.Outage] = strawberry.field(
        description="What is cut off there or will be; empty too while the feed is silent."
    )


@strawberry.type(description="The place is watched.")
class OutagesWatched:
    watch: OutageWatch = strawberry.field(description="The place.")


@strawberry.type(description="The place is watched no more.")
class OutagesUnwatched:
    watch_id: strawberry.ID = strawberry.field(description="The place's id.")


WatchOutagesResult = Annotated[OutagesWatched | Refused, strawberry.union("WatchOutagesResult")]
UnwatchOutagesResult = Annotated[
    OutagesUnwatched | Refused, strawberry.union("UnwatchOutagesResult")
]


@strawberry.type
class Query:
    """The query fields of service 49."""

    @query(
        of_service(UTILITY_OUTAGE_NOTICE),
        description="Water, power and gas cut off at a place, in an area, or in the whole city.",
        returns=UtilityOutages,
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
    ) -> Reading[Sequence[domain.Outage]]:
        """Open to anybody; yesterday's and those of the week to come."""
        city = info.context.app.city
        return await service.read_outages(
            info.context,
            kind=kind,
            at=at.within(city, "at") if at else None,
            area=area.within(city, "area") if area else None,
        )

    @query(signed_in(), description="The places of whose outages the viewer is told.")
    async def outage_watches(self, info: Info) -> list[OutageWatch]:
        """With what is cut off there."""
        rows = await service.list_watches(info.context)
        return await _watches(info.context, rows)


@strawberry.type
class Mutation:
    """The mutation fields of service 49."""

    @mutation(
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
            info.context,
            label,
            at.within(info.context.app.city, "at"),
            kinds or (),
            idempotency_key,
        )
        (watch,) = await _watches(info.context, [row])
        return OutagesWatched(watch=watch)

    @mutation(signed_in(), description="Watch a place no more.")
    async def unwatch_outages(
        self,
        info: Info,
        watch_id: Annotated[strawberry.ID, strawberry.argument(description="The place's id.")],
        idempotency_key: IdempotencyKey,
    ) -> UnwatchOutagesResult:
        """A place that is gone already, or somebody else's, is not found."""
        await service.unwatch(info.context, parse_id(watch_id), idempotency_key)
        return OutagesUnwatched(watch_id=watch_id)


async def _watches(call: Call, rows: Sequence[WatchRow]) -> list[OutageWatch]:
    reading = await service.read_outages(call, kind=None, at=None, area=None) if rows else None
    known = (reading.value if reading else None) or ()
    return [_watch(call, row, known) for row in rows]


def _watch(call: Call, row: WatchRow, known: Sequence[domain.Outage]) -> OutageWatch:
    spot = service.spot_of(call.app, row)
    kinds = [OutageKind(kind) for kind in row.kinds.split(",")]
    return OutageWatch(
        id=strawberry.ID(str(row.id)),
        label=row.label,
        at=spot,
        kinds=kinds,
        outages=list(domain.present_at(known, spot, kinds)),
    )
