"""What resolvers learn about the execution, put together when they ask.

Most resolvers only want ``info.context``. The rest of graphql-core's info (path, nodes,
variables) is built by its executor at the first use of anything else.
"""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLResolveInfo
from graphql.pyutils import Path

from bff.compiler.execution import Execution
from bff.compiler.plan import Field


class LazyInfo:
    """Stands for graphql-core's info of one field of the object at a path."""

    __slots__ = ("_field", "_info", "_parent", "_run", "context")

    def __init__(self, run: Execution, field: Field, parent: Path | None) -> None:
        self.context = run.context
        self._run = run
        self._field = field
        self._parent = parent
        self._info: GraphQLResolveInfo[Any] | None = None

    @property
    def whole(self) -> GraphQLResolveInfo[Any]:
        """The info as graphql-core makes it."""
        if self._info is None:
            path = Path(self._parent, self._field.key, self._field.parent.name)
            self._info = self._run.info(self._field, path)
        return self._info

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.whole)

    def __getitem__(self, index: Any) -> Any:
        return self.whole[index]

    def __len__(self) -> int:
        return len(self.whole)

    def __eq__(self, other: object) -> bool:
        return bool(self.whole == (other.whole if isinstance(other, LazyInfo) else other))

    __hash__ = None  # type: ignore[assignment]  # as the tuple it stands for, which holds lists
