"""Car parks in GraphQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import strawberry

from core.errors import InvalidInput
from core.graphql import RADIUS_M, At, Info, RadiusM, of_service, query, reading_view
from core.refusal_texts import INVALID_INPUT
from core.upstream.readings import Reading
from kinds.lookup import read_near
from modules.mobility.car_parks.domain import CarPark, cost_fen
from modules.mobility.car_parks.lookup import CAR_PARKS, SERVICE

STAY_MINUTES_MAX = 7 * 24 * 60

CarParks = reading_view(
    "CarParks",
    "The car parks around a place, and how fresh that is.",
    items=Annotated[Sequence[CarPark], "The nearest first."],
)


@strawberry.type
class Query:
    """The query field of car parks."""

    @query(
        of_service(SERVICE),
        description="Car parks around a place with what is free, and what a stay costs.",
        returns=CarParks,
    )
    async def car_parks(
        self,
        info: Info,
        at: At,
        radius_m: RadiusM = RADIUS_M,
        stay_minutes: Annotated[
            int | None, strawberry.argument(description="How long one means to stay, from now on.")
        ] = None,
    ) -> Reading[Sequence[CarPark]]:
        """The nearest first."""
        if stay_minutes is not None and not 0 < stay_minutes <= STAY_MINUTES_MAX:
            detail = f"stayMinutes must be between 1 and {STAY_MINUTES_MAX}"
            raise InvalidInput(INVALID_INPUT, "stayMinutes", detail=detail)

        def show(one: CarPark, metres: int | None) -> CarPark:
            stay_cost_fen = None if stay_minutes is None else cost_fen(one.tariff, stay_minutes)
            return replace(one, distance_m=metres, stay_cost_fen=stay_cost_fen)

        return await read_near(CAR_PARKS, info.context, at, radius_m, show=show)
