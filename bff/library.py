"""Operations ready to run: trusted documents made so at start, free text when it first comes."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)

from bff.admission import Priority
from bff.compiler import CompiledOperation, CoreOperation, prepare_operation
from bff.limits import (
    LimitExceeded,
    Limits,
    check_document,
    check_variables,
    parse_and_validate,
)
from bff.requests import InvalidDocument, Operation, RequestError
from bff.trusted import Documents, TrustedDocument

FREE = "free"
"""The name of every operation that is not a trusted document."""

_FREE_MAX = 512


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed."""

    document: DocumentNode
    operation: CompiledOperation | CoreOperation
    kind: OperationType
    operation_name: str | None
    name: str
    """For metrics: the trusted document's name, or FREE."""
    cost: int
    """What it may cost at most; see bff.limits."""
    priority: Priority = Priority.LOW


class Library:
    """Every operation that this process knows how to run."""

    def __init__(
        self, schema: strawberry.Schema, documents: Documents, *, trusted_only: bool
    ) -> None:
        self.schema: GraphQLSchema = schema._schema
        self._trusted_only = trusted_only
        self._limits = Limits(introspection=not trusted_only)
        self._free: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()
        self._trusted: dict[str, Mapping[str | None, Prepared]] = {}
        for document_id, document in documents.by_id.items():
            self._trusted[document_id] = self._prepare_all(document)

    def find(self, operation: Operation) -> Prepared:
        """The operation that a client asks for. Raises RequestError; nothing is executed then."""
        try:
            if operation.variables:
                check_variables(operation.variables, self._limits)
            if operation.document_id is not None:
                return self._find_trusted(operation.document_id, operation.operation_name)
            if self._trusted_only:
                raise RequestError("only trusted documents run here", code="DOCUMENT_NOT_TRUSTED")
            if operation.query is None:
                raise RequestError("`query` or `documentId` is missing")
            return self._find_free(operation.query, operation)
        except LimitExceeded as error:
            raise RequestError(str(error), code=error.code, is_well_formed=True) from None

    def _find_trusted(self, document_id: str, operation_name: str | None) -> Prepared:
        operations = self._trusted.get(document_id)
        if operations is None:
            raise RequestError("no such trusted document", code="DOCUMENT_UNKNOWN")
        prepared = operations.get(operation_name)
        if prepared is None:
            raise _no_such_operation()
        return prepared

    def _find_free(self, source: str, operation: Operation) -> Prepared:
        key = (source, operation.operation_name)
        known = self._free.get(key)
        if known is not None:
            # the variables say how large its pages are
            costs = check_document(self.schema, known.document, operation.variables, self._limits)
            self._free.move_to_end(key)
            return replace(known, cost=costs.cost)
        document, cost = self._parse(source, operation.variables)
        node = get_operation_ast(document, operation.operation_name)
        if node is None:
            raise _no_such_operation()
        # compiling pays for documents that come again and again
        core = CoreOperation(
            self.schema, document, operation.operation_name, "it is free text", True
        )
        prepared = Prepared(document, core, node.operation, operation.operation_name, FREE, cost)
        self._free[key] = prepared
        while len(self._free) > _FREE_MAX:
            self._free.popitem(last=False)
        return prepared

    def _prepare_all(self, trusted: TrustedDocument) -> Mapping[str | None, Prepared]:
        """The operations of a trusted document by name; a single one also without its name."""
        document, cost = self._parse(trusted.source, None)
        nodes = operations_of(document)
        found: dict[str | None, Prepared] = {}
        for node in nodes:
            name = node.name.value if node.name else None
            operation = prepare_operation(self.schema, document, name, hide_suggestions=True)
            priority = trusted.priority
            if node.operation is OperationType.MUTATION:
                priority = Priority.CRITICAL
            found[name] = Prepared(
                document, operation, node.operation, name, trusted.name, cost, priority
            )
        if len(nodes) == 1:
            found[None] = next(iter(found.values()))
        return found

    def _parse(self, source: str, variables: Mapping[str, Any] | None) -> tuple[DocumentNode, int]:
        try:
            parsed = parse_and_validate(self.schema, source, self._limits, variables)
        except RecursionError:
            raise RequestError("the document is nested too deeply", is_well_formed=True) from None
        if parsed.errors:
            raise InvalidDocument(parsed.errors)
        assert parsed.document is not None and parsed.costs is not None
        return parsed.document, parsed.costs.cost


def operations_of(document: DocumentNode) -> Sequence[OperationDefinitionNode]:
    """The operations of a document in the order of its text."""
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]


def _no_such_operation() -> RequestError:
    return RequestError("the document holds no such operation, or several: name one")
