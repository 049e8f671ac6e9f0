"""Service 10 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.errors import InvalidInput
from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, query, view
from core.refusal_texts import INVALID_INPUT
from core.standards.gtfs.values import parse_time
from kinds.subscription import list_mine, unsubscribe_field
from modules.mobility.arrival_alerts import models, service
from modules.mobility.arrival_alerts.domain import BUS_ARRIVAL_ALERT, Threshold
from modules.mobility.arrival_alerts.service import ALERTS, AlertPlace, AlertWish


@view
@dataclass(frozen=True, slots=True)
class ArrivalAlert:
    """That the viewer is rung when a vehicle is near."""

    id: Annotated[UUID, "Its id, for removeArrivalAlert."]
    label: Annotated[str, "The viewer's own name for it, perhaps empty."]
    stop_ref: Annotated[str, "At which stop."]
    line_ref: Annotated[str | None, "Of which line."]
    trip_ref: Annotated[str | None, "Which trip; null where it repeats."]
    service_on: Annotated[date | None, "On which service day; null where it repeats."]
    due_at: Annotated[datetime | None, "When that vehicle comes by timetable."]
    minutes_before: Annotated[int | None, "It rings so many minutes before,"]
    stops_before: Annotated[int | None, "or so many stops before."]
    by_schedule: Annotated[bool, "Whether the timetable's time rings too."]
    weekdays: Annotated[Sequence[int], "On which weekdays it repeats, Monday is 1."]
    window_from: Annotated[str | None, 'From when a vehicle must come, "07:30",']
    window_until: Annotated[str | None, "and until when."]


@view
@dataclass(frozen=True, slots=True)
class ArrivalAlertSet:
    """It will ring."""

    alert: Annotated[ArrivalAlert, "The alert."]


SetArrivalAlertResult = Annotated[
    ArrivalAlertSet | Refused, strawberry.union("SetArrivalAlertResult")
]


@strawberry.input(description="An alert: for one trip of a service day, or on some weekdays.")
class ArrivalAlertInput:
    stop_ref: strawberry.ID = strawberry.field(description="At which stop.")
    label: str = strawberry.field(default="", description="A name for it, up to 16 characters.")
    minutes_before: int | None = strawberry.field(
        default=None, description="Ring so many minutes before, 1 to 60;"
    )
    stops_before: int | None = strawberry.field(
        default=None, description="or so many stops before, 1 to 20."
    )
    by_schedule: bool = strawberry.field(
        default=False, description="Ring by the timetable too, whichever is earlier."
    )
    trip_ref: strawberry.ID | None = strawberry.field(default=None, description="For this trip")
    service_on: date | None = strawberry.field(default=None, description="of this service day;")
    line_ref: strawberry.ID | None = strawberry.field(
        default=None, description="or for the first vehicle of this line"
    )
    weekdays: list[int] = strawberry.field(
        default_factory=list, description="on these weekdays, Monday is 1,"
    )
    window_from: str | None = strawberry.field(
        default=None, description='that comes from this time on, "07:30",'
    )
    window_until: str | None = strawberry.field(default=None, description="until this.")


@strawberry.type
class Query:
    """The query field of service 10."""

    @query(of_service(BUS_ARRIVAL_ALERT), description="The viewer's arrival alerts.")
    async def arrival_alerts(self, info: Info) -> list[ArrivalAlert]:
        """Those that have not rung; repeating ones stay."""
        rows = await list_mine(info.context, ALERTS)
        return [_alert(info.context, row) for row in rows]


@strawberry.type
class Mutation:
    """The mutation fields of service 10."""

    @mutation(
        of_service(BUS_ARRIVAL_ALERT),
        description="Be rung once when a vehicle is near; of a repeating alert once a day.",
    )
    async def set_arrival_alert(
        self,
        info: Info,
        alert: Annotated[ArrivalAlertInput, strawberry.argument(description="The alert.")],
        idempotency_key: IdempotencyKey,
    ) -> SetArrivalAlertResult:
        """At most twenty."""
        wish = AlertWish(
            place=AlertPlace(alert.stop_ref, alert.line_ref, alert.trip_ref),
            label=alert.label,
            threshold=Threshold(alert.minutes_before, alert.stops_before, alert.by_schedule),
            service_on=alert.service_on,
            weekdays=alert.weekdays,
            window_s=_window(alert),
        )
        row = await service.set_alert(info.context, wish, idempotency_key)
        return ArrivalAlertSet(_alert(info.context, row))

    remove_arrival_alert = unsubscribe_field(ALERTS, description="End an arrival alert.")


def _window(alert: ArrivalAlertInput) -> tuple[int, int] | None:
    if alert.window_from is None or alert.window_until is None:
        return None
    try:
        return parse_time(f"{alert.window_from}:00"), parse_time(f"{alert.window_until}:00")
    except ValueError:
        raise InvalidInput(INVALID_INPUT, "windowFrom", detail='times are as "07:30"') from None


def _alert(call: Call, row: models.ArrivalAlert) -> ArrivalAlert:
    place = service.place_of(call.app, row)
    return ArrivalAlert(
        id=row.id,
        label=row.label,
        stop_ref=place.stop_ref,
        line_ref=place.line_ref,
        trip_ref=place.trip_ref,
        service_on=row.service_on,
        due_at=row.due_at,
        minutes_before=row.minutes_before,
        stops_before=row.stops_before,
        by_schedule=row.by_schedule,
        weekdays=[day for day in range(1, 8) if row.weekdays >> (day - 1) & 1],
        window_from=_clock(row.window_from_s),
        window_until=_clock(row.window_until_s),
    )


def _clock(second: int | None) -> str | None:
    return None if second is None else f"{second // 3600:02d}:{second // 60 % 60:02d}"
