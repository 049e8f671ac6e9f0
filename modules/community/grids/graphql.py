"""Grids in GraphQL."""

from typing import Annotated

import strawberry

from core.graphql import At, Info, of_service, query, reading_view
from core.upstream.readings import Reading
from modules.community.grids.domain import Grid
from modules.community.grids.lookup import GRIDS, SERVICE

GridReading = reading_view(
    "GridReading",
    "The grid of a place, and how fresh the map is.",
    grid=Annotated[Grid, "The grid; null where none covers the place, or nothing can be shown."],
)


@strawberry.type
class Query:
    """The query field of grids."""

    @query(
        of_service(SERVICE),
        description="The grid in which a place lies, and how its worker is reached.",
        returns=GridReading,
    )
    async def grid(self, info: Info, at: At) -> Reading[Grid | None]:
        """Open to anybody."""
        call = info.context
        here = at.within(call.app.city, "at")
        return (await GRIDS.read(call)).map(lambda grids: grids.find(here))
