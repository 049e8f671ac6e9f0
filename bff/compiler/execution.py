"""What the compiler's parts need of the execution that they serve."""

from collections.abc import Sequence
from typing import Any, Protocol

from graphql import GraphQLResolveInfo
from graphql.pyutils import Path

from bff.compiler.plan import Field


class Execution(Protocol):
    """One execution of an operation; `bff.compiler.runtime.Run` is the one there is."""

    context: Any

    def info(self, field: Field, path: Path) -> GraphQLResolveInfo[Any]:
        """graphql-core's info of a field at a path."""
        ...

    def complete_items(self, of: Any, field: Field, path: Path, values: Sequence[Any]) -> Any:
        """Complete the items of a list whose completion is `of`."""
        ...
