"""Running GraphQL operations: one pipeline for every transport.

prepared operation → executed → errors masked → JSON. How it came to be prepared is the library's
business: compiled or not, it has one interface.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    GraphQLError,
    OperationType,
    SubsequentIncrementalExecutionResult,
    create_source_event_stream,
)
from graphql.pyutils import is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff.compiler import encode
from bff.execution.errors import ClientErrors
from bff.execution.incremental import Parts
from bff.request.negotiation import Dialect
from bff.request.operation import InvalidDocument, Operation, RequestError
from bff.trusted.library import Library, Prepared
from core.bus.position import Resume
from core.context.call import Call
from core.deadline import Deadline, TimeLimit, within
from core.errors import Unavailable
from core.refusal_texts import DEADLINE_PASSED
from core.telemetry.call_counts import tallying

_GRACE_S = 0.025
_COMMAND_GRACE_S = 0.9
"""Beyond its deadline a query is given this long to notice and answer in parts."""


@dataclass(frozen=True, slots=True)
class Event:
    """One response of a stream; `id` is where the stream stands after it."""

    body: bytes
    id: str | None = None


class Executor:
    """Executes operations against the city's schema."""

    def __init__(self, library: Library, *, shows_cost: bool) -> None:
        self._library = library
        self._shows_cost = shows_cost

    def prepare(self, operation: Operation) -> Prepared:
        """The operation ready to run. Raises RequestError; nothing is executed then."""
        return self._library.find(operation)

    def run(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> Coroutine[Any, Any, bytes]:
        """Execute a query or mutation; returns the response as JSON.

        Raises InvalidDocument where the variables do not fit. What outlives its deadline is given
        up: a query at once, a mutation once its commands, which mind the deadline themselves, have
        had time to write down what they know. A command survives that as it survives a crash: the
        same key tells its caller how it ended.
        """
        if self._shows_cost:
            return self._run_counted(call, prepared, variables)
        return self._run(call, prepared, variables, None)

    async def respond(self, call: Call, prepared: Prepared, variables: Mapping[str, Any]) -> bytes:
        """As `run`, for transports that tell everything in responses: so what it raises is."""
        try:
            return await self.run(call, prepared, variables)
        except Exception as error:
            return _failure(error, ClientErrors(call))

    async def _run_counted(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> bytes:
        with tallying() as calls:
            # the tally is read when the response is written, at the end
            shown = {"cost": {"requested": prepared.cost}, "calls": calls}
            return await self._run(call, prepared, variables, shown)

    async def _run(
        self,
        call: Call,
        prepared: Prepared,
        variables: Mapping[str, Any],
        extensions: Mapping[str, Any] | None,
    ) -> bytes:
        started_at = time.monotonic()
        errors = ClientErrors(call)
        body = prepared.operation.execute(
            context=call, variables=variables, on_error=errors, extensions=extensions
        )
        outcome = "ok"
        if not isinstance(body, bytes):
            try:
                is_query = prepared.kind is OperationType.QUERY
                grace_s = _GRACE_S if is_query else _COMMAND_GRACE_S
                body = await within(call.deadline, grace_s, body)
            except TimeoutError:
                outcome = "timeout"
                body = _given_up(errors)
        call.app.metrics.graphql(prepared.name, outcome, time.monotonic() - started_at)
        if errors.request_errors:
            raise InvalidDocument(errors.request_errors)
        return body

    async def run_in_parts(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any], dialect: Dialect
    ) -> AsyncGenerator[bytes]:
        """Execute a query that defers: first what is there at once, then each part as it is ready.

        Raises InvalidDocument, before anything else, where the variables do not fit. What is not
        ready at the deadline is given up and says so.
        """
        assert prepared.deferring is not None
        started_at = time.monotonic()
        errors = ClientErrors(call)
        parts = Parts(errors, dialect)
        extensions = {"cost": {"requested": prepared.cost}} if self._shows_cost else None
        begun = prepared.deferring.begin(context=call, variables=variables)
        try:
            with _in_time(call):
                results = await begun if isinstance(begun, Awaitable) else begun
        except TimeoutError:
            results = ExecutionResult(None, [_late()])
        rest = None
        if isinstance(results, ExperimentalIncrementalExecutionResults):
            initial, rest = results
            first = parts.first(initial, extensions)
        else:
            first = parts.first(results, extensions)
        if errors.request_errors:
            raise InvalidDocument(errors.request_errors)
        yield first
        if rest is not None:
            async with aclosing(_following(call, parts, rest)) as following:
                async for part in following:
                    yield part
        call.app.metrics.graphql(prepared.name, "parts", time.monotonic() - started_at)

    async def stream(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> AsyncGenerator[Event]:
        """The responses of a subscription."""
        errors = ClientErrors(call)
        try:
            beginning = self._source_events(call, prepared, variables)
            try:
                source = await within(call.deadline, _GRACE_S, beginning)
            except TimeoutError:
                source = ExecutionResult(None, [_late()])
            if isinstance(source, ExecutionResult):
                yield Event(encode(source, errors))
                return
            async with aclosing(source):  # type: ignore[type-var]
                async for event in source:
                    self._library.refuse_withdrawn(prepared)
                    yield await self._event(call, prepared, variables, event)
        except Exception as error:
            yield Event(_failure(error, errors))

    async def _event(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any], event: object
    ) -> Event:
        """One event, under a deadline of its own: one that outlives it is given up alone."""
        fresh = call.within(Deadline.after(call.app.settings.request_deadline_s))
        event_id = call.once(Resume, Resume).event_id
        errors = ClientErrors(fresh)
        body = prepared.operation.execute(
            root=event,
            context=fresh,
            variables=variables,
            on_error=errors,
            extensions={"eventId": event_id} if event_id else None,
        )
        if not isinstance(body, bytes):
            try:
                body = await within(fresh.deadline, _GRACE_S, body)
            except TimeoutError:
                return Event(_given_up(errors))  # the client stands where it stood before it
        return Event(body, event_id)

    async def _source_events(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> AsyncIterable[Any] | ExecutionResult:
        built = StrawberryGraphQLCoreExecutionContext.build(
            self._library.schema,
            prepared.document,
            context_value=call,
            raw_variable_values=dict(variables),
            operation_name=prepared.operation_name,
            operation_extensions=None,
        )
        if isinstance(built, list):
            return ExecutionResult(None, built)
        source = create_source_event_stream(built)
        return await source if is_awaitable(source) else source  # type: ignore[return-value]


async def _following(
    call: Call, parts: Parts, rest: AsyncGenerator[SubsequentIncrementalExecutionResult, None]
) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        while True:
            try:
                with _in_time(call):
                    result = await anext(rest)
            except StopAsyncIteration:
                return
            except TimeoutError:
                yield parts.give_up(_late())
                return
            except Exception as error:
                yield parts.give_up(GraphQLError("the answer broke", original_error=error))
                return
            yield parts.next(result)


def _in_time(call: Call) -> TimeLimit:
    return TimeLimit(call.deadline.remaining() + _GRACE_S)


def _failure(error: Exception, errors: ClientErrors) -> bytes:
    if isinstance(error, RequestError):
        return encode_errors(error.errors)
    broken = GraphQLError("the answer broke", original_error=error)
    return encode(ExecutionResult(None, [broken]), errors)


def _given_up(errors: ClientErrors) -> bytes:
    return encode(ExecutionResult(None, [_late()]), errors)


def _late() -> GraphQLError:
    return GraphQLError("late", original_error=Unavailable(DEADLINE_PASSED))


def encode_errors(errors: list[GraphQLError]) -> bytes:
    """A response that holds nothing but errors: nothing was executed."""
    return orjson.dumps({"errors": [error.formatted for error in errors]})
