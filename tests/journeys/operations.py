"""Trusted operations as an app sends them: by their ids, each mutation with a fresh key."""

from typing import Any

from bff.client.city import CityClient, key
from bff.trusted.documents import documents_of
from core.manifest import discover


class Operations:
    """The operations of some documents, by name."""

    def __init__(self, *documents: str) -> None:
        by_name = documents_of(discover()).by_name
        self._by_name = {
            operation.name: operation
            for name in documents
            for operation in by_name[name].operations
        }

    async def do(self, client: CityClient, name: str, **variables: Any) -> Any:
        """The value of an operation's first field."""
        return next(iter((await self.all(client, name, **variables)).values()))

    async def all(self, client: CityClient, name: str, **variables: Any) -> Any:
        """All that an operation answers."""
        operation = self._by_name[name]
        asked = [one.partition(":")[0] for one in operation.source.partition("{")[0].split("$")[1:]]
        keys = {one: key() for one in asked if one.endswith("Key")}
        answer = await client.run(document_id=operation.id, variables=keys | variables)
        return answer.data
