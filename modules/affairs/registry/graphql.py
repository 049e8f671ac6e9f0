"""The GraphQL types of government items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from core.graphql import reading_view, view
from modules.affairs.registry import domain
from modules.affairs.registry.domain import Item


@dataclass(frozen=True, slots=True)
class ItemTopics:
    """By what items can be looked through."""

    departments: Annotated[Sequence[domain.Department], "The departments, in the usual order."]
    life_events: Annotated[Sequence[domain.LifeEvent], "What happens in a life or to a business."]

    @classmethod
    def of(cls, registry: domain.Registry) -> "ItemTopics":
        """Those of a registry."""
        return cls(tuple(registry.departments.values()), tuple(registry.life_events.values()))


view(domain.Department, name="GovernmentDepartment", names={"name_zh": "name"})
view(domain.ItemMaterial, names={"name_zh": "name"})
view(domain.ItemCounter, names={"place_zh": "place", "address_zh": "address"})
view(domain.LifeEvent, name="LifeEvent", hidden=("item_codes",))
view(
    Item,
    name="GovernmentItem",
    names={
        "item_code": "code",
        "item_no": "number",
        "name_zh": "name",
        "theme_zh": "theme",
        "item_type": "type",
        "result_zh": "result",
    },
    hidden=("exclusive", "four_eyes", "stages"),
)
GovernmentItemReading = reading_view(
    "GovernmentItemReading",
    "A government item, and how fresh that is.",
    item=Annotated[Item, "The item; null where the registry cannot be shown."],
)
GovernmentItemTopics = reading_view(
    "GovernmentItemTopics",
    "By what government items can be looked through, and how fresh that is.",
    topics=Annotated[ItemTopics, "Departments and life events."],
)
