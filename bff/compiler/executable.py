"""An operation ready to run any number of times, and the one that graphql-core executes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import CancelledError, current_task
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from typing import Any, Protocol, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    GraphQLError,
    GraphQLSchema,
    create_source_event_stream,
    experimental_execute_incrementally,
)
from graphql.execution import Executor
from strawberry.execution.is_awaitable import optimized_is_awaitable as is_awaitable

from bff.compiler.response import OnError, encode
from bff.compiler.schema_facts import strawberry_schema

Result = ExecutionResult | Awaitable[ExecutionResult]
Results = ExecutionResult | ExperimentalIncrementalExecutionResults
"""What an operation that defers comes to."""
Body = bytes | Coroutine[Any, Any, bytes]


class Operation(Protocol):
    """One operation of a document, ready to run any number of times."""

    reason: str | None
    """Why it is not compiled; None if it is."""

    def result(
        self, *, root: Any = None, context: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Result: ...

    def execute(
        self,
        *,
        root: Any = None,
        context: Any = None,
        variables: Mapping[str, Any] | None = None,
        on_error: OnError | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Body: ...

    def subscribe(
        self,
        *,
        root: Any = None,
        context: Any = None,
        variables: Mapping[str, Any] | None = None,
        on_error: OnError | None = None,
    ) -> AsyncIterator[bytes]: ...


class Executable(ABC):
    """`execute` in terms of `result`."""

    @abstractmethod
    def result(
        self, *, root: Any = None, context: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Result:
        """Data and errors, not yet encoded; see `execute`."""

    def execute(
        self,
        *,
        root: Any = None,
        context: Any = None,
        variables: Mapping[str, Any] | None = None,
        on_error: OnError | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Body:
        """The JSON body of the response, awaitable if any resolver was asynchronous.

        :param root: the value whose attributes are the root fields; for a subscription, the
            event.
        :param context: what resolvers find in ``info.context``.
        :param variables: as the client sent them.
        :param on_error: turns an error into the one to show.
        :param extensions: put beside ``data`` as they are.
        """
        result = self.result(root=root, context=context, variables=variables)
        if isinstance(result, ExecutionResult):
            return encode(result, on_error, extensions)
        return _encode_later(result, on_error, extensions)

    async def subscribe(
        self,
        *,
        root: Any = None,
        context: Any = None,
        variables: Mapping[str, Any] | None = None,
        on_error: OnError | None = None,
    ) -> AsyncIterator[bytes]:
        """The JSON body of each event of a subscription; one with errors if it cannot start."""
        executor = self._executor(root, context, variables or {})
        if isinstance(executor, list):
            yield encode(ExecutionResult(None, executor), on_error)
            return
        source: Any = create_source_event_stream(executor)
        if is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            yield encode(source, on_error)
            return
        try:
            async for event in source:
                body = self.execute(
                    root=event, context=context, variables=variables, on_error=on_error
                )
                yield body if isinstance(body, bytes) else await body
        finally:
            if hasattr(source, "aclose"):
                await source.aclose()

    @abstractmethod
    def _executor(
        self, root: Any, context: Any, variables: Mapping[str, Any]
    ) -> Executor[Any] | list[GraphQLError]:
        """graphql-core's own executor, or the errors of the variables."""


async def _encode_later(
    result: Awaitable[ExecutionResult],
    on_error: OnError | None,
    extensions: Mapping[str, Any] | None,
) -> bytes:
    try:
        return encode(await result, on_error, extensions)
    except CancelledError:
        # A field that failed cancels its siblings, and with them what others may be waiting
        # for (the future of a loader, say). Those then end as if this request were cancelled.
        task = current_task()
        if task is None or task.cancelling():
            raise
    reason = "A field was waiting for something that another one gave up."
    interrupted = GraphQLError(reason, original_error=RuntimeError(reason))
    return encode(ExecutionResult(None, [interrupted]), on_error, extensions)


class CoreOperation(Executable):
    """An operation that graphql-core executes."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation_name: str | None,
        reason: str,
        hide_suggestions: bool = False,
    ) -> None:
        self.reason: str | None = reason
        self._document = document
        self._schema = schema
        self._options: dict[str, Any] = {
            "operation_name": operation_name,
            "is_awaitable": is_awaitable,
            "hide_suggestions": hide_suggestions,
        }
        self._executor_class: type[Executor[Any]] = Executor
        strawberry = strawberry_schema(schema)
        if strawberry is not None:
            self._executor_class = strawberry.execution_context_class
            self._options["operation_extensions"] = None

    def result(
        self, *, root: Any = None, context: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Result:
        """Data and errors, not yet encoded; see `execute`. For a document that defers nothing."""
        return cast(Result, self.begin(root=root, context=context, variables=variables))

    def begin(
        self, *, root: Any = None, context: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Results | Awaitable[Results]:
        """The first part and where the others come from; one result where nothing is deferred."""
        return experimental_execute_incrementally(
            self._schema,
            self._document,
            root_value=root,
            context_value=context,
            variable_values=dict(variables or {}),
            executor_class=self._executor_class,
            **self._options,
        )

    def _executor(
        self, root: Any, context: Any, variables: Mapping[str, Any]
    ) -> Executor[Any] | list[GraphQLError]:
        return self._executor_class.build(
            self._schema, self._document, root, context, dict(variables), **self._options
        )
