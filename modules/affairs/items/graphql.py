"""Government items in GraphQL."""

from typing import Annotated

import strawberry

from core.errors import NotFound
from core.graphql import After, First, Info, of_service, query
from core.refusal_texts import NOT_FOUND
from core.upstream.readings import Reading
from kinds.lookup import ReadingConnection, page_of
from modules.affairs.items.service import search_items
from modules.affairs.registry.domain import Item
from modules.affairs.registry.graphql import GovernmentItemReading, GovernmentItemTopics, ItemTopics
from modules.affairs.registry.service import SERVICE, read_registry

WORDS = strawberry.argument(
    description="Words, a whole question, pinyin or initials; empty: what is asked for most."
)
DEPARTMENT = strawberry.argument(description="Only this department's, by its code.")
LIFE_EVENT = strawberry.argument(description="Only what belongs to this life event, by its code.")
CODE = strawberry.argument(description="The item's 31 characters.")


@strawberry.type
class Query:
    """The query fields of service 1."""

    @query(
        of_service(SERVICE),
        description="Government items that can be applied for, what fits best first.",
        returns=ReadingConnection[Item],
    )
    async def government_items(
        self,
        info: Info,
        first: First = 20,
        words: Annotated[str, WORDS] = "",
        department: Annotated[str | None, DEPARTMENT] = None,
        life_event: Annotated[str | None, LIFE_EVENT] = None,
        after: After = None,
    ) -> ReadingConnection[Item]:
        """A page of what is found, with how many there are."""
        reading = await search_items(info.context, words, department, life_event)
        return page_of(reading, first, after, lambda item: item.item_code)

    @query(of_service(SERVICE), description="A government item.", returns=GovernmentItemReading)
    async def government_item(self, info: Info, code: Annotated[str, CODE]) -> Reading[Item]:
        """A withdrawn one too. Raises NotFound for a code that was never given."""
        reading = await read_registry(info.context)
        if reading.value is not None and code not in reading.value.items:
            raise NotFound(NOT_FOUND)
        return reading.map(lambda registry: registry.items[code])

    @query(
        of_service(SERVICE),
        description="By what government items can be looked through.",
        returns=GovernmentItemTopics,
    )
    async def government_item_topics(self, info: Info) -> Reading[ItemTopics]:
        """Departments and life events."""
        reading = await read_registry(info.context)
        return reading.map(ItemTopics.of)
