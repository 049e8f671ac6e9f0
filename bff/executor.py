"""Running GraphQL operations: one pipeline for every transport.

source or document id → parsed, limited and validated once → executed → errors masked → JSON.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    subscribe,
    validate,
)
from graphql.pyutils import is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff.errors import BAD_REQUEST, shown
from bff.trusted import Documents
from core.call import Call

TOKENS_MAX = 2_000
ERRORS_MAX = 10
_CACHE_ENTRIES = 512


class RequestError(Exception):
    """The request cannot be executed at all; nothing ran. `status` is for HTTP."""

    def __init__(self, message: str, *, code: str = BAD_REQUEST, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.errors = [GraphQLError(message, extensions={"code": code})]


class InvalidDocument(RequestError):
    """The document does not parse or does not fit the schema."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [
            GraphQLError(e.message, nodes=e.nodes, extensions={"code": self.code}) for e in errors
        ]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks for: a document by text or by id, and its variables."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed."""

    document: DocumentNode
    node: OperationDefinitionNode
    name: str
    """For metrics: the trusted document's name, or "free" for text that a client sent."""

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation


class Executor:
    """Executes operations against the city's schema."""

    def __init__(
        self, schema: strawberry.Schema, documents: Documents, *, trusted_only: bool
    ) -> None:
        self._schema = schema._schema
        self._documents = documents
        self._trusted_only = trusted_only
        self._parsed: OrderedDict[str, DocumentNode] = OrderedDict()

    def prepare(self, operation: Operation) -> Prepared:
        """Find, parse and validate. Raises RequestError; nothing is executed then."""
        source, name = self._source(operation)
        document = self._parse(source)
        node = get_operation_ast(document, operation.operation_name)
        if node is None:
            raise RequestError("the document holds no such operation, or several: name one")
        return Prepared(document, node, name)

    async def run(self, call: Call, prepared: Prepared, variables: Mapping[str, Any]) -> bytes:
        """Execute a query or mutation; returns the response as JSON."""
        result = execute(
            self._schema,
            prepared.document,
            context_value=call,
            variable_values=dict(variables),
            operation_name=prepared.node.name.value if prepared.node.name else None,
            **self._context(),
        )
        if is_awaitable(result):
            result = await result
        return encode(cast(ExecutionResult, result), call)

    async def stream(
        self, call: Call, prepared: Prepared, variables: Mapping[str, Any]
    ) -> AsyncIterator[bytes]:
        """The responses of a subscription, or the one response of another operation."""
        if prepared.kind is not OperationType.SUBSCRIPTION:
            yield await self.run(call, prepared, variables)
            return
        source = subscribe(
            self._schema,
            prepared.document,
            context_value=call,
            variable_values=dict(variables),
            operation_name=prepared.node.name.value if prepared.node.name else None,
            **self._context(),
        )
        if is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            yield encode(source, call)
            return
        results = cast(AsyncIterator[ExecutionResult], source)
        try:
            async for result in results:
                yield encode(result, call)
        except Exception as error:
            broken = GraphQLError("the stream broke", original_error=error)
            yield encode(ExecutionResult(None, [broken]), call)
        finally:
            await results.aclose()  # type: ignore[attr-defined]

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
        return operation.query, "free"

    def _parse(self, source: str) -> DocumentNode:
        known = self._parsed.get(source)
        if known is not None:
            self._parsed.move_to_end(source)
            return known
        try:
            document = parse(source, max_tokens=TOKENS_MAX)
        except GraphQLError as error:
            raise InvalidDocument([error]) from None
        except RecursionError:
            raise RequestError("the document is nested too deeply") from None
        errors = validate(self._schema, document, max_errors=ERRORS_MAX)
        if errors:
            raise InvalidDocument(errors)
        self._parsed[source] = document
        while len(self._parsed) > _CACHE_ENTRIES:
            self._parsed.popitem(last=False)
        return document

    def _context(self) -> dict[str, Any]:
        return {
            "executor_class": StrawberryGraphQLCoreExecutionContext,
            "operation_extensions": None,
        }


def encode(result: ExecutionResult, call: Call) -> bytes:
    """A result as JSON, its errors masked."""
    response: dict[str, Any] = {}
    if result.errors:
        response["errors"] = [shown(error, call).formatted for error in result.errors]
    response["data"] = result.data
    return orjson.dumps(response)


def encode_errors(errors: list[GraphQLError]) -> bytes:
    """A response that holds nothing but errors: nothing was executed."""
    return orjson.dumps({"errors": [error.formatted for error in errors]})
