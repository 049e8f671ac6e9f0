"""Service 59 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.app import App
from core.graphql import (
    GeoPointInput,
    IdempotencyKey,
    Info,
    Refused,
    anybody,
    mutation,
    of_service,
    query,
    view,
)
from core.standards.coordinates import GeoPoint
from kinds.subscription import list_mine, unsubscribe_field
from modules.safety.alerts import models, service
from modules.safety.alerts.domain import SERVICE, AlertLevel, AlertPlaceKind, EmergencyAlert
from modules.safety.alerts.notices import PLACES, watched

view(AlertPlaceKind)
view(AlertLevel)
view(EmergencyAlert)


@view
@dataclass(frozen=True, slots=True)
class AlertPlace:
    """A place for which the viewer is warned."""

    id: Annotated[UUID, "Its id, for unwatchAlerts."]
    kind: Annotated[AlertPlaceKind, "What it is to the viewer."]
    label: Annotated[str, "The viewer's own name for it, perhaps empty."]
    at: Annotated[GeoPoint | None, "Where; null: the whole city."]
    district_code: Annotated[str, "The district's six digits, perhaps empty."]
    min_level: Annotated[AlertLevel, "Only alerts as grave as this, or graver."]
    wants_drills: Annotated[bool, "Whether the viewer is told of exercises too."]
    until_at: Annotated[datetime | None, "When it ends by itself; null: it does not."]


@view
@dataclass(frozen=True, slots=True)
class AlertsWatched:
    """The viewer is warned from now on."""

    place: Annotated[AlertPlace, "The place."]


WatchAlertsResult = Annotated[AlertsWatched | Refused, strawberry.union("WatchAlertsResult")]


@strawberry.type
class Query:
    """The query fields of service 59."""

    @query(anybody(), description="Warnings that hold now: of a place, or of the whole city.")
    async def emergency_alerts(
        self,
        info: Info,
        at: Annotated[
            GeoPointInput | None, strawberry.argument(description="Only what concerns this place.")
        ] = None,
    ) -> list[EmergencyAlert]:
        """Open to anybody, the latest first."""
        spot = at.within(info.context.app.city, "at") if at else None
        return list(await service.list_alerts(info.context, spot))

    @query(of_service(SERVICE), description="The places for which the viewer is warned.")
    async def alert_places(self, info: Info) -> list[AlertPlace]:
        """In the order in which they were added."""
        return _views(info.context.app, await list_mine(info.context, PLACES))


@strawberry.type
class Mutation:
    """The mutation fields of service 59."""

    @mutation(
        of_service(SERVICE),
        description="Be warned where one lives, works or is; one of a name replaces the other.",
    )
    async def watch_alerts(
        self,
        info: Info,
        kind: Annotated[AlertPlaceKind, strawberry.argument(description="What it is to one.")],
        idempotency_key: IdempotencyKey,
        at: Annotated[
            GeoPointInput | None,
            strawberry.argument(description="Where; null for the whole city and nothing else."),
        ] = None,
        label: Annotated[
            str, strawberry.argument(description="The viewer's name for it, up to 16 characters.")
        ] = "",
        district_code: Annotated[
            str,
            strawberry.argument(description="The district's six digits: alerts may name it."),
        ] = "",
        min_level: Annotated[
            AlertLevel, strawberry.argument(description="Only as grave as this, or graver.")
        ] = AlertLevel.MINOR,
        wants_drills: Annotated[
            bool, strawberry.argument(description="Whether to be told of exercises too.")
        ] = False,
    ) -> WatchAlertsResult:
        """Where one is (HERE) holds for two hours: the app says it again as long as one wants."""
        spot = at.within(info.context.app.city, "at") if at else None
        row = await service.watch(
            info.context,
            kind,
            spot,
            idempotency_key,
            label=label,
            district_code=district_code,
            min_level=min_level,
            wants_drills=wants_drills,
        )
        (place,) = _views(info.context.app, [row])
        return AlertsWatched(place)

    unwatch_alerts = unsubscribe_field(PLACES, description="Be warned for a place no more.")


def _views(app: App, rows: Sequence[models.AlertPlace]) -> list[AlertPlace]:
    return [
        AlertPlace(
            row.id,
            AlertPlaceKind(row.kind),
            row.label,
            watched(app, row).spot,
            row.district_code,
            AlertLevel(row.min_level),
            row.wants_drills,
            row.until_at,
        )
        for row in rows
    ]
