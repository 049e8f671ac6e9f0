"""Shelters in GraphQL."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from core.graphql import RADIUS_M, At, Info, RadiusM, of_service, query, reading_view, view
from core.upstream.readings import Reading
from kinds.lookup import read_near
from modules.safety.shelters.domain import Hazard, Shelter
from modules.safety.shelters.lookup import SERVICE, SHELTERS

view(Shelter, names={"address_zh": "address"})
Shelters = reading_view(
    "Shelters",
    "The shelters around a place, and how fresh that is.",
    items=Annotated[Sequence[Shelter], "The nearest first."],
)


@strawberry.type
class Query:
    """The query field of shelters."""

    @query(
        of_service(SERVICE), description="Open emergency shelters around a place.", returns=Shelters
    )
    async def shelters(
        self,
        info: Info,
        at: At,
        radius_m: RadiusM = RADIUS_M,
        hazard: Annotated[
            Hazard | None, strawberry.argument(description="Only those fit for this danger.")
        ] = None,
    ) -> Reading[Sequence[Shelter]]:
        """Open to anybody; the last good answer serves while the layer is silent."""

        def fits(shelter: Shelter) -> bool:
            return hazard is None or hazard in shelter.hazards

        return await read_near(SHELTERS, info.context, at, radius_m, fits=fits)
