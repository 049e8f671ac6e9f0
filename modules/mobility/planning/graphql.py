"""Service 9 in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import GeoPointInput, Info, of_service, query, reading_view, view
from core.upstream.readings import Reading
from modules.mobility.planning import service
from modules.mobility.planning.domain import (
    TRIP_PLAN,
    ChangeRisk,
    LegMode,
    LegPlace,
    Plan,
    PlanAnswer,
    PlanLeg,
    PlanProblem,
    WalkBasis,
    Wish,
)

view(LegMode, name="TripLegMode")
view(ChangeRisk, name="TripChangeRisk")
view(PlanProblem, name="TripPlanProblem")
view(WalkBasis, name="TripWalkBasis")
view(LegPlace, name="TripLegPlace")
view(PlanLeg, name="TripLeg")
view(Plan, name="TripPlan")
view(PlanAnswer, name="TripPlanAnswer")
TripPlans = reading_view(
    "TripPlans",
    "Ways from door to door, and how fresh what they rest on is.",
    answer=Annotated[PlanAnswer, "The ways, or why there is none."],
)


@strawberry.type
class Query:
    """The query field of service 9."""

    @query(
        of_service(TRIP_PLAN),
        description="Ways from door to door by bus and metro. Walks follow the city's "
        "streets, or are estimated as the crow flies where it gives none.",
        returns=TripPlans,
    )
    async def trip_plans(
        self,
        info: Info,
        origin: Annotated[GeoPointInput, strawberry.argument(description="From where.")],
        destination: Annotated[GeoPointInput, strawberry.argument(description="Where to.")],
        at: Annotated[
            datetime | None,
            strawberry.argument(description="When to leave, or to be there; now when null."),
        ] = None,
        arrive_by: Annotated[
            bool, strawberry.argument(description="Whether to be there at that moment.")
        ] = False,
        changes_max: Annotated[
            int, strawberry.argument(description="At most so many changes, 0 to 5.")
        ] = 3,
        walk_m: Annotated[
            int | None,
            strawberry.argument(description="At most so far on foot at either end, metres."),
        ] = None,
        wheelchair: Annotated[
            bool,
            strawberry.argument(description="Without what is known to be closed to wheelchairs."),
        ] = False,
        first: Annotated[int, strawberry.argument(description="How many ways, 1 to 8.")] = 4,
    ) -> Reading[PlanAnswer]:
        """None of the ways is beaten by another in all."""
        city = info.context.app.city
        wish = Wish(
            origin=origin.within(city, "origin"),
            destination=destination.within(city, "destination"),
            at=at,
            arrive_by=arrive_by,
            changes_max=changes_max,
            walk_m=walk_m,
            wheelchair=wheelchair,
            plans=first,
        )
        return await service.plan(info.context, wish)
