"""Service 49 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

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
from kinds.subscription import list_mine, unsubscribe
from modules.utilities.outages import domain, models, subscription
from modules.utilities.outages.domain import UTILITY_OUTAGE_NOTICE, Outage, OutageKind
from modules.utilities.outages.lookup import read_outages
from modules.utilities.outages.subscription import WATCHES

view(OutageKind)
view(domain.OutageStatus)
view(Outage, name="UtilityOutage", names={"outage_ref": "code"}, hidden=("shape",))
UtilityOutages = reading_view(
    "UtilityOutages",
    "Outages, and how fresh that is.",
    items=Annotated[Sequence[Outage], "What is going on or yet to come first, then what is over."],
)


@view
@dataclass(frozen=True, slots=True)
class OutageWatch:
    """A place of whose outages the viewer is told."""

    id: Annotated[UUID, "Its id, for unwatchOutages."]
    label: Annotated[str, "The viewer's own name for it, perhaps empty."]
    at: Annotated[GeoPoint, "Where it is."]
    kinds: Annotated[Sequence[OutageKind], "Of what the viewer is told."]
    outages: Annotated[
        Sequence[Outage], "What is cut off there or will be; empty too while the feed is silent."
    ]


@view
@dataclass(frozen=True, slots=True)
class OutagesWatched:
    """The place is watched."""

    watch: Annotated[OutageWatch, "The place."]


@view
@dataclass(frozen=True, slots=True)
class OutagesUnwatched:
    """The place is watched no more."""

    watch_id: Annotated[str, "The place's id."]


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
    ) -> Reading[Sequence[Outage]]:
        """Open to anybody; yesterday's and those of the week to come."""
        city = info.context.app.city
        return await read_outages(
            info.context,
            kind=kind,
            at=at.within(city, "at") if at else None,
            area=area.within(city, "area") if area else None,
        )

    @query(signed_in(), description="The places of whose outages the viewer is told.")
    async def outage_watches(self, info: Info) -> list[OutageWatch]:
        """With what is cut off there."""
        return await _watches(info.context, await list_mine(info.context, WATCHES))


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
        spot = at.within(info.context.app.city, "at")
        row = await subscription.watch(info.context, label, spot, kinds or (), idempotency_key)
        (watch,) = await _watches(info.context, [row])
        return OutagesWatched(watch)

    @mutation(signed_in(), description="Watch a place no more.")
    async def unwatch_outages(
        self,
        info: Info,
        watch_id: Annotated[strawberry.ID, strawberry.argument(description="The place's id.")],
        idempotency_key: IdempotencyKey,
    ) -> UnwatchOutagesResult:
        """A place that is gone already, or somebody else's, is not found."""
        await unsubscribe(info.context, WATCHES, idempotency_key, id=parse_id(watch_id))
        return OutagesUnwatched(watch_id)


async def _watches(call: Call, rows: Sequence[models.OutageWatch]) -> list[OutageWatch]:
    known = (await read_outages(call)).items if rows else ()
    return [_watch(call, row, known) for row in rows]


def _watch(call: Call, row: models.OutageWatch, known: Sequence[Outage]) -> OutageWatch:
    spot = subscription.spot_of(call.app, row)
    kinds = [OutageKind(kind) for kind in row.kinds.split(",")]
    return OutageWatch(row.id, row.label, spot, kinds, domain.present_at(known, spot, kinds))
