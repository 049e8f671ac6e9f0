"""Running GraphQL operations: one pipeline for every transport.

source or document id → parsed, limited, validated and compiled once → executed → errors masked →
JSON. What the compiler declines is executed by graphql-core, behind the same interface.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    create_source_event_stream,
    get_operation_ast,
    parse,
    validate,
)
from graphql.pyutils import is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff.compiler import CompiledOperation, CoreOperation, encode, prepare_operation
from bff.errors import Told
from bff.requests import InvalidDocument, Operation, RequestError
from bff.texts import DEADLINE_PASSED
from bff.trusted import Documents
from core.call import Call
from core.deadline import Deadline
from core.errors import Unavailable
from core.resume import Resume

TOKENS_MAX = 2_000
ERRORS_MAX = 10
FREE = "free"
"""The name of every operation that is not a trusted document."""

_CACHE_ENTRIES = 512
_GRACE_S = 0.025
"""Beyond its deadline a query is given this long to notice and answer in parts."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed."""

    document: DocumentNode
    operation: CompiledOperation | CoreOperation
    kind: OperationType
    operation_name: str | None
    name: str
    """For metrics: the trusted document's name, or FREE."""


@dataclass(frozen=True, slots=True)
class Event:
    """One response of a stream; `id` is where the stream stands after it."""

    body: bytes
    id: str | None = None


class Executor:
    """Executes operations against the city's schema."""

    def __init__(
        self, schema: strawberry.Schema, documents: Documents, *, trusted_only: bool
    ) -> None:
        self._schema = schema._schema
        self._documents = documents
        self._trusted_only = trusted_only
        self._prepared: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()

    def prepare(self, operation: Operation) -> Prepared:
        """Find, parse, validate and compile. Raises RequestError; nothing is executed then."""
        source, name = self._source(operation)
        key = (source, operation.operation_name)
        known = self._prepared.get(key)
        if known is not None:
            self._prepared.move_to_end(key)
            return known
        prepared = self._prepared[key] = self._make(source, operation.operation_name, name)
        while len(self._prepared) > _CACHE_ENTRIES:
            self._prepared.popitem(last=False)
        return prepared

    async def run(self, call: Call, prepared: Prepared, variables: Mapping[str, Any]) -> bytes:
        """Execute a query or mutation; returns the response as JSON.

        Raises InvalidDocument where the variables do not fit. A query that outlives its deadline
        is given up; a mutation never is: its commands mind the deadline themselves.
        """
        started_at = time.monotonic()
        told = Told(call)
        body = prepared.operation.execute(context=call, variables=variables, on_error=told)
        outcome = "ok"
        if not isinstance(body, bytes):
            limit_s = None
            if prepared.kind is OperationType.QUERY:
                limit_s = call.deadline.remaining() + _GRACE_S
            try:
                async with asyncio.timeout(limit_s):
                    body = await body
            except TimeoutError:
                outcome = "timeout"
                body = _given_up(told)
        call.app.metrics.graphql(prepared.name, outcome, time.monotonic() - started_at)
        if told.request_errors:
            raise InvalidDocument(told.request_errors)
        return body

    async def stream(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> AsyncGenerator[Event]:
        """The responses of a subscription, or the one response of another operation."""
        told = Told(call)
        try:
            if prepared.kind is not OperationType.SUBSCRIPTION:
                yield Event(await self.run(call, prepared, variables))
                return
            source = await self._source_events(call, prepared, variables)
            if isinstance(source, ExecutionResult):
                yield Event(encode(source, told))
                return
            resume = call.once(Resume, Resume)
            async with aclosing(source):  # type: ignore[type-var]
                async for event in source:
                    event_id = resume.event_id
                    yield Event(await self._event(call, prepared, variables, event), event_id)
        except RequestError as error:
            yield Event(encode_errors(error.errors))
        except Exception as error:
            broken = GraphQLError("the stream broke", original_error=error)
            yield Event(encode(ExecutionResult(None, [broken]), told))

    async def _event(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any], event: object
    ) -> bytes:
        """One event, under a deadline of its own."""
        fresh = call.within(Deadline.after(call.app.settings.request_deadline_s))
        event_id = call.once(Resume, Resume).event_id
        body = prepared.operation.execute(
            root=event,
            context=fresh,
            variables=variables,
            on_error=Told(fresh),
            extensions={"eventId": event_id} if event_id else None,
        )
        return body if isinstance(body, bytes) else await body

    async def _source_events(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> AsyncIterable[Any] | ExecutionResult:
        built = StrawberryGraphQLCoreExecutionContext.build(
            self._schema,
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

    def _source(self, operation: Operation) -> tuple[str, str]:
        if operation.document_id is not None:
            document = self._documents.by_id.get(operation.document_id)
            if document is None:
                raise RequestError("no such trusted document", code="DOCUMENT_UNKNOWN")
            return document.source, document.name
        if self._trusted_only:
            raise RequestError("only trusted documents run here", code="DOCUMENT_NOT_TRUSTED")
        if operation.query is None:
            raise RequestError("`query` or `documentId` is missing")
        return operation.query, FREE

    def _make(self, source: str, operation_name: str | None, name: str) -> Prepared:
        document = self._parse(source)
        node = get_operation_ast(document, operation_name)
        if node is None:
            raise RequestError("the document holds no such operation, or several: name one")
        operation: CompiledOperation | CoreOperation
        if name == FREE:
            # compiling pays for documents that come again and again
            operation = CoreOperation(
                self._schema, document, operation_name, "it is free text", hide_suggestions=True
            )
        else:
            operation = prepare_operation(
                self._schema, document, operation_name, hide_suggestions=True
            )
        return Prepared(document, operation, node.operation, operation_name, name)

    def _parse(self, source: str) -> DocumentNode:
        try:
            document = parse(source, max_tokens=TOKENS_MAX)
        except GraphQLError as error:
            raise InvalidDocument([error]) from None
        except RecursionError:
            raise RequestError("the document is nested too deeply") from None
        errors = validate(self._schema, document, max_errors=ERRORS_MAX)
        if errors:
            raise InvalidDocument(errors)
        return document


def _given_up(told: Told) -> bytes:
    late = GraphQLError("late", original_error=Unavailable(DEADLINE_PASSED))
    return encode(ExecutionResult(None, [late]), told)


def encode_errors(errors: list[GraphQLError]) -> bytes:
    """A response that holds nothing but errors: nothing was executed."""
    return orjson.dumps({"errors": [error.formatted for error in errors]})
