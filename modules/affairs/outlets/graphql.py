"""Outlets in GraphQL."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from core.errors import InvalidInput, NotFound
from core.graphql import (
    RADIUS_M,
    After,
    First,
    GeoPointInput,
    Info,
    RadiusM,
    of_service,
    query,
    radius_within,
    reading_view,
    view,
)
from core.refusal_texts import INVALID_INPUT, NOT_FOUND
from core.standards.coordinates import nearest
from core.upstream.readings import Reading, worse
from core.upstream.records import Records
from kinds.lookup import ReadingConnection, page_of
from modules.affairs.outlets.domain import ListedOutlet, Outlet, choose
from modules.affairs.outlets.lookup import APPOINTMENT, OUTLETS, SERVICE
from modules.affairs.registry.domain import Item
from modules.affairs.registry.service import get_item, read_registry

NAME_CHARS_MAX = 64

view(Outlet, name="ServiceOutlet", names={"address_zh": "address"}, hidden=("takes",))
ServiceOutlets = reading_view(
    "ServiceOutlets",
    "Outlets of the administration, and how fresh that is.",
    items=Annotated[Sequence[Outlet], "The nearest first, at most 50."],
)
NAME = strawberry.argument(description="Only those with this in their name.")
ITEM = strawberry.argument(description="Only those that take this government item, by its code.")
AT = strawberry.argument(description="The place around which to look; null: the whole city.")
OUTLET = strawberry.argument(description="The outlet's id.")


@strawberry.type
class Query:
    """The query fields of service 50."""

    @query(
        of_service(SERVICE),
        description="Where matters are dealt with, open or not, and who waits there.",
        returns=ServiceOutlets,
    )
    async def service_outlets(
        self,
        info: Info,
        at: Annotated[GeoPointInput | None, AT] = None,
        radius_m: RadiusM = RADIUS_M,
        name: Annotated[str, NAME] = "",
        item_code: Annotated[str | None, ITEM] = None,
    ) -> Reading[Sequence[Outlet]]:
        """Near a point or by name. Raises NotFound for an item that was never given."""
        call, here = info.context, at.within(info.context.app.city, "at") if at else None
        radius = radius_within(radius_m)
        if len(name) > NAME_CHARS_MAX:
            raise InvalidInput(INVALID_INPUT, "name", detail="name is too long")
        item_no = (await get_item(call, item_code)).item_no if item_code else None
        now, calendar = call.app.clock.now(), call.app.city.calendar
        appointment = call.app.city.deep_link.format(id=APPOINTMENT)

        def shown(outlets: Records[ListedOutlet]) -> Sequence[Outlet]:
            near = nearest(choose(outlets.items, name, item_no), here, radius)
            # what holds at this moment, however old the layer's answer is
            return [one.at_moment(now, calendar, metres, appointment) for one, metres in near]

        return (await OUTLETS.read(call)).map(shown)

    @query(
        of_service(SERVICE),
        description="The government items that an outlet takes.",
        returns=ReadingConnection[Item],
    )
    async def service_outlet_items(
        self,
        info: Info,
        outlet_ref: Annotated[strawberry.ID, OUTLET],
        first: First = 20,
        after: After = None,
    ) -> ReadingConnection[Item]:
        """Raises NotFound for an outlet that is not there."""
        outlets, registry = await OUTLETS.read(info.context), await read_registry(info.context)
        known = {one.outlet_ref: one for one in (outlets.value.items if outlets.value else ())}
        if outlets.value is not None and outlet_ref not in known:
            raise NotFound(NOT_FOUND)
        takes = set(known[outlet_ref].said.items if outlet_ref in known else ())
        known_items = registry.value.in_force if registry.value else ()
        both, items = worse(outlets, registry), [i for i in known_items if i.item_no in takes]
        shown = Reading[Sequence[Item]](both.status, items, both.as_of, both.reason)
        return page_of(shown, first, after, lambda item: item.item_code)
