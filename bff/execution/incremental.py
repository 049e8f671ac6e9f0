"""`@defer`: a first answer at once and the rest as it becomes ready, as JSON.

Errors are told as everywhere else: expected ones by code, others masked.
https://github.com/graphql/graphql-wg/blob/main/rfcs/DeferStream.md
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    InitialIncrementalExecutionResult,
    SubsequentIncrementalExecutionResult,
)
from graphql.execution import CompletedResult, IncrementalDeferResult, PendingResult

from bff.compiler import dumps, ordered_errors
from bff.execution.errors import ClientErrors
from bff.request.negotiation import Dialect


class Parts:
    """The parts of one answer, in the dialect of its client."""

    def __init__(self, errors: ClientErrors, dialect: Dialect) -> None:
        self._told = errors
        self._dialect = dialect
        self._pending: dict[str, PendingResult] = {}
        self._delivered: set[str] = set()

    def first(
        self,
        result: InitialIncrementalExecutionResult | ExecutionResult,
        extensions: Mapping[str, Any] | None,
    ) -> bytes:
        """What is there at once; everything where nothing was deferred."""
        part: dict[str, Any] = {"data": result.data}
        if result.errors:
            part["errors"] = self._say(result.errors)
        if extensions:
            part["extensions"] = extensions
        if isinstance(result, InitialIncrementalExecutionResult):
            part["pending"] = self._await(result.pending)
        part["hasNext"] = bool(self._pending)
        return self._written(part)

    def next(self, result: SubsequentIncrementalExecutionResult) -> bytes:
        """What has become ready since."""
        part: dict[str, Any] = {}
        if result.pending:
            part["pending"] = self._await(result.pending)
        if result.incremental:
            part["incremental"] = [
                self._increment(increment)
                for increment in result.incremental
                if isinstance(increment, IncrementalDeferResult)
            ]
        if result.completed:
            part["completed"] = self._complete(result.completed)
        part["hasNext"] = result.has_next
        return self._written(part)

    def give_up(self, error: GraphQLError) -> bytes:
        """The end, for this reason, of everything that is still awaited."""
        lost = [CompletedResult(id_, [error]) for id_ in self._pending]
        return self._written({"completed": self._complete(lost), "hasNext": False})

    def _await(self, pending: Sequence[PendingResult]) -> list[Any]:
        self._pending |= {one.id: one for one in pending}
        return [one.formatted for one in pending]

    def _increment(self, result: IncrementalDeferResult) -> dict[str, Any]:
        self._delivered.add(result.id)
        increment: dict[str, Any] = {"id": result.id, "data": result.data}
        if result.sub_path:
            increment["subPath"] = result.sub_path
        if result.errors:
            increment["errors"] = self._say(result.errors)
        if self._dialect is Dialect.APOLLO_2022:
            return self._placed(increment)
        return increment

    def _complete(self, results: Sequence[CompletedResult]) -> list[dict[str, Any]]:
        completed = []
        for result in results:
            part: dict[str, Any] = {"id": result.id}
            if result.errors:
                part["errors"] = self._say(result.errors)
            if self._dialect is Dialect.V0_2:
                completed.append(part)
            elif result.errors or result.id not in self._delivered:
                completed.append(self._placed(part | {"data": None if result.errors else {}}))
            del self._pending[result.id]
        return completed

    def _placed(self, part: dict[str, Any]) -> dict[str, Any]:
        """As the older dialect has it: no ids, each increment says where it belongs."""
        pending = self._pending[part.pop("id")]
        part["path"] = [*pending.path, *part.pop("subPath", ())]
        return part if pending.label is None else part | {"label": pending.label}

    def _written(self, part: dict[str, Any]) -> bytes:
        if self._dialect is Dialect.APOLLO_2022:
            part.pop("pending", None)
            increments = part.pop("incremental", []) + part.pop("completed", [])
            if increments:
                part["incremental"] = increments
        return dumps(part)

    def _say(self, errors: Sequence[GraphQLError]) -> list[Any]:
        return [self._told(error).formatted for error in ordered_errors(errors)]
