"""Operations ready to run: trusted documents made so at start, free text when it first comes."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import strawberry
import structlog
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)

from bff.compiler import CompiledOperation, CoreOperation, prepare_operation, without_defer
from bff.limits.admission import Priority
from bff.limits.document import (
    LimitExceeded,
    Limits,
    check_document,
    check_variables,
    parse_and_validate,
)
from bff.request.operation import InvalidDocument, Operation, RequestError
from bff.trusted.documents import Documents, TrustedDocument
from bff.trusted.public import public_age_s
from bff.trusted.shipped import document_id

log = structlog.get_logger(__name__)

FREE = "free"
"""The name of every operation that is not a trusted document."""

_FREE_MAX = 512


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed."""

    document: DocumentNode
    operation: CompiledOperation | CoreOperation
    """For one whole answer."""
    kind: OperationType
    operation_name: str | None
    name: str
    """For metrics: the trusted document's name, or FREE."""
    cost: int
    """What it may cost at most; see bff.limits.document."""
    priority: Priority = Priority.LOW
    document_id: str | None = None
    """The trusted document's."""
    text_id: str = ""
    """The hash of its present text, which a hot fix changes."""
    public_age_s: int | None = None
    """How long anybody may keep the answer to a GET; None where it is somebody's own."""
    deferring: CoreOperation | None = None
    """For an answer in parts, where the document defers any."""


Operations = Mapping[str | None, Prepared]
"""The operations of a document by name."""


class Library:
    """Every operation that this process knows how to run."""

    def __init__(
        self, schema: strawberry.Schema, documents: Documents, *, trusted_only: bool
    ) -> None:
        self.schema: GraphQLSchema = schema._schema
        self._trusted_only = trusted_only
        self._limits = Limits(introspection=not trusted_only)
        self._free: OrderedDict[tuple[str, str | None], Prepared] = OrderedDict()
        self._documents = documents
        self.parses = 0
        """Documents parsed and validated so far."""
        self.faults: dict[str, str] = {}
        """Documents that do not fit the schema, and why."""
        self._shipped = {
            document_id: self._prepare_or_withdraw(document_id, document)
            for document_id, document in documents.by_id.items()
        }
        self._trusted = dict(self._shipped)

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
            raise too_much(error) from None

    def operations(self, document_id: str) -> Operations:
        """The operations of a trusted document; none where it does not run."""
        return self._trusted.get(document_id, {})

    def replace(self, document_id: str, source: str) -> None:
        """Run another text under a document's id. Raises RequestError where it does not fit."""
        shipped = self._documents.by_id.get(document_id)
        if shipped is not None:
            self._trusted[document_id] = self._prepare_all(replace(shipped, source=source))

    def withdraw(self, document_id: str) -> None:
        """Run a document no more."""
        if document_id in self._trusted:
            self._trusted[document_id] = {}

    def restore(self) -> None:
        """Run every document as it shipped."""
        self._trusted = dict(self._shipped)

    def _find_trusted(self, document_id: str, operation_name: str | None) -> Prepared:
        operations = self._trusted.get(document_id)
        if operations is None:
            # some clients send the hash alone
            operations = self._trusted.get(f"sha256:{document_id}")
        if operations is None:
            raise RequestError("no such trusted document", code="DOCUMENT_UNKNOWN")
        if not operations:
            raise RequestError("this document was withdrawn", code="DOCUMENT_WITHDRAWN", status=410)
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
        name = operation.operation_name
        core = CoreOperation(self.schema, without_defer(document), name, "it is free text", True)
        deferring = _deferring(self.schema, document, node, name)
        prepared = Prepared(document, core, node.operation, name, FREE, cost, deferring=deferring)
        self._free[key] = prepared
        while len(self._free) > _FREE_MAX:
            self._free.popitem(last=False)
        return prepared

    def _prepare_or_withdraw(self, document_id: str, trusted: TrustedDocument) -> Operations:
        """A document that no longer fits the schema fails alone; `make check` refuses such."""
        try:
            return self._prepare_all(trusted)
        except RequestError as error:
            self.faults[document_id] = str(error)
            log.error("a trusted document does not fit", document=trusted.name, reason=str(error))
            return {}

    def _prepare_all(self, trusted: TrustedDocument) -> Operations:
        operations = _prepare(self.schema, trusted, self._limits)
        self.parses += 1
        return operations

    def _parse(self, source: str, variables: Mapping[str, Any] | None) -> tuple[DocumentNode, int]:
        self.parses += 1
        return _parse(self.schema, source, self._limits, variables)


@lru_cache(maxsize=1_000)
def _prepare(schema: GraphQLSchema, trusted: TrustedDocument, limits: Limits) -> Operations:
    """The operations of a trusted document by name; a single one also without its name."""
    document, cost = _parse(schema, trusted.source, limits, None)
    nodes, plain = operations_of(document), without_defer(document)
    found: dict[str | None, Prepared] = {}
    for node in nodes:
        name = node.name.value if node.name else None
        operation = prepare_operation(schema, plain, name, hide_suggestions=True)
        is_mutation = node.operation is OperationType.MUTATION
        found[name] = Prepared(
            document=document,
            operation=operation,
            kind=node.operation,
            operation_name=name,
            name=trusted.name,
            cost=cost,
            priority=Priority.CRITICAL if is_mutation else trusted.priority,
            document_id=trusted.id,
            text_id=document_id(trusted.source),
            public_age_s=public_age_s(schema, document, node),
            deferring=_deferring(schema, document, node, name),
        )
    if len(nodes) == 1:
        found[None] = next(iter(found.values()))
    return found


def _deferring(
    schema: GraphQLSchema,
    document: DocumentNode,
    node: OperationDefinitionNode,
    name: str | None,
) -> CoreOperation | None:
    if node.operation is not OperationType.QUERY or without_defer(document) is document:
        return None
    return CoreOperation(schema, document, name, "it comes in parts", True)


def _parse(
    schema: GraphQLSchema, source: str, limits: Limits, variables: Mapping[str, Any] | None
) -> tuple[DocumentNode, int]:
    try:
        parsed = parse_and_validate(schema, source, limits, variables)
    except LimitExceeded as error:
        raise too_much(error) from None
    except RecursionError:
        raise RequestError("the document is nested too deeply", is_well_formed=True) from None
    if parsed.errors:
        raise InvalidDocument(parsed.errors)
    assert parsed.document is not None and parsed.costs is not None
    return parsed.document, parsed.costs.cost


def operations_of(document: DocumentNode) -> Sequence[OperationDefinitionNode]:
    """The operations of a document in the order of its text."""
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]


def too_much(error: LimitExceeded) -> RequestError:
    """What a client is told of a limit."""
    return RequestError(str(error), code=error.code, is_well_formed=True)


def _no_such_operation() -> RequestError:
    return RequestError("the document holds no such operation, or several: name one")
