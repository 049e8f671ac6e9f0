"""Operations ready to run: each is prepared when it is first asked for, or all at start."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
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
from bff.trusted.documents import Documents, TrustedOperation
from bff.trusted.public import public_age_s
from bff.trusted.shipped import document_id

log = structlog.get_logger(__name__)

FREE = "free"
"""The name of every operation that is not trusted."""

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
    """For metrics: the name of the document in which it stands, or FREE."""
    cost: int
    """What it may cost at most; see bff.limits.document."""
    priority: Priority = Priority.LOW
    document_id: str | None = None
    """The trusted operation's."""
    text_id: str = ""
    """The hash of its present text, which a hot fix changes."""
    public_age_s: int | None = None
    """How long anybody may keep the answer to a GET; None where it is somebody's own."""
    deferring: CoreOperation | None = None
    """For an answer in parts, where the document defers any."""


Operations = Mapping[str | None, Prepared]
"""The operations that run under an id, by name; a single one also without its name."""


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
        self._names = {
            document.id: {one.name: one.id for one in document.operations}
            for document in documents.by_name.values()
        }
        self._trusted: dict[str, TrustedOperation | None] = dict(documents.operations)
        """What runs under each id; None where it was withdrawn."""
        self._prepared: dict[str, Prepared] = {}
        self._faults: dict[str, str] = {}

    def prepare_all(self) -> Mapping[str, str]:
        """Prepare every trusted operation now, so that no citizen waits for it (8 ms for each).

        Returns those that do not fit the schema, by id, and why: each fails alone.
        """
        for operation_id in self._trusted:
            self._ready(operation_id)
        return self._faults

    def find(self, operation: Operation) -> Prepared:
        """The operation that a client asks for. Raises RequestError; nothing is executed then."""
        try:
            if operation.variables:
                check_variables(operation.variables, self._limits)
            if operation.document_id is not None and not self._falls_back(operation):
                return self._find_trusted(operation)
            if self._trusted_only:
                raise RequestError("only trusted documents run here", code="DOCUMENT_NOT_TRUSTED")
            if operation.query is None:
                raise RequestError("`query` or `documentId` is missing")
            return self._find_free(operation.query, operation)
        except LimitExceeded as error:
            raise too_much(error) from None

    def operations(self, document_id: str) -> Operations:
        """What runs under the id of an operation or of a document; none that was withdrawn."""
        ids = self._names.get(document_id, {"": document_id}).values()
        running = [one for operation_id in ids if (one := self._ready(operation_id))]
        found: dict[str | None, Prepared] = {one.operation_name: one for one in running}
        return found | {None: running[0]} if len(running) == 1 else found

    def replace(self, operation_id: str, source: str) -> None:
        """Run another text under an operation's id. Raises RequestError where it does not fit."""
        shipped = self._documents.operations.get(operation_id)
        if shipped is not None:
            fix = replace(shipped, source=source)
            self._prepared[operation_id] = self._prepare(fix)
            self._trusted[operation_id] = fix

    def withdraw(self, operation_id: str) -> None:
        """Run an operation no more."""
        if operation_id in self._trusted:
            self._trusted[operation_id] = None
            self._prepared.pop(operation_id, None)

    def refuse_withdrawn(self, prepared: Prepared) -> None:
        """Raise RequestError where an operation was withdrawn since it was prepared: a stream may
        be older than that."""
        operation_id = prepared.document_id
        if operation_id is not None and self._trusted.get(operation_id) is None:
            raise _withdrawn()

    def restore(self) -> None:
        """Run every operation as it shipped."""
        for operation_id, shipped in self._documents.operations.items():
            if self._trusted[operation_id] is not shipped:
                self._trusted[operation_id] = shipped
                self._prepared.pop(operation_id, None)

    def _falls_back(self, operation: Operation) -> bool:
        """Whether a client sends the text behind an id that is not trusted. Raises RequestError
        where the text has another hash: the id would be kept for it."""
        if not operation.is_automatic or operation.query is None:
            return False
        text_id = document_id(operation.query)
        if operation.document_id not in (text_id, text_id.removeprefix("sha256:")):
            raise RequestError("the hash is not that of the query")
        return text_id not in self._trusted

    def _find_trusted(self, operation: Operation) -> Prepared:
        assert operation.document_id is not None
        operation_name = operation.operation_name
        operation_id = self._operation_id(operation.document_id, operation_name)
        if operation_id is None:
            raise _not_supported() if operation.is_automatic else _unknown()
        prepared = self._ready(operation_id)
        if prepared is None and operation_id in self._faults:
            raise RequestError(
                "the schema has outgrown this operation", code="DOCUMENT_OUTDATED", status=410
            )
        if prepared is None:
            raise _withdrawn()
        if operation_name not in (None, prepared.operation_name):
            raise _no_such_operation([prepared.operation_name])
        return prepared

    def _operation_id(self, document_id: str, operation_name: str | None) -> str | None:
        """Which operation is meant: under a document's id, the one named or the only one.

        None where nothing has this id. Raises RequestError for a document without that operation.
        """
        # some clients send the hash alone
        for known in (document_id, f"sha256:{document_id}"):
            if known in self._trusted:
                return known
            names = self._names.get(known)
            if names is None:
                continue
            if operation_name is None and len(names) == 1:
                return next(iter(names.values()))
            if operation_name not in names:
                raise _no_such_operation(names)
            return names[operation_name]
        return None

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
            nodes = operations_of(document)
            raise _no_such_operation(one.name.value if one.name else None for one in nodes)
        # compiling pays for documents that come again and again
        name = operation.operation_name
        core = CoreOperation(self.schema, without_defer(document), name, "it is free text", True)
        deferring = _deferring(self.schema, document, node, name)
        prepared = Prepared(document, core, node.operation, name, FREE, cost, deferring=deferring)
        self._free[key] = prepared
        while len(self._free) > _FREE_MAX:
            self._free.popitem(last=False)
        return prepared

    def _ready(self, operation_id: str) -> Prepared | None:
        """A trusted operation, prepared; None where it was withdrawn or does not fit the schema."""
        prepared = self._prepared.get(operation_id)
        if prepared is not None or operation_id in self._faults:
            return prepared
        trusted = self._trusted.get(operation_id)
        if trusted is None:
            return None
        try:
            prepared = self._prepared[operation_id] = self._prepare(trusted)
        except RequestError as error:
            # `quancheng documents check` refuses such
            self._faults[operation_id] = str(error)
            log.error("a trusted operation does not fit", operation=trusted.name, reason=str(error))
        return prepared

    def _prepare(self, trusted: TrustedOperation) -> Prepared:
        return _prepare(self.schema, trusted, self._limits)

    def _parse(self, source: str, variables: Mapping[str, Any] | None) -> tuple[DocumentNode, int]:
        return _parse(self.schema, source, self._limits, variables)


@lru_cache(maxsize=1_000)
def _prepare(schema: GraphQLSchema, trusted: TrustedOperation, limits: Limits) -> Prepared:
    document, cost = _parse(schema, trusted.source, limits, None)
    nodes = operations_of(document)
    if len(nodes) != 1:
        raise RequestError(f"{trusted.name} is {len(nodes)} operations, not one")
    (node,) = nodes
    name = node.name.value if node.name else None
    plain = without_defer(document)
    is_mutation = node.operation is OperationType.MUTATION
    return Prepared(
        document=document,
        operation=prepare_operation(schema, plain, name, hide_suggestions=True),
        kind=node.operation,
        operation_name=name,
        name=trusted.document,
        cost=cost,
        priority=Priority.CRITICAL if is_mutation else trusted.priority,
        document_id=trusted.id,
        text_id=document_id(trusted.source),
        public_age_s=public_age_s(schema, document, node),
        deferring=_deferring(schema, document, node, name),
    )


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


def _no_such_operation(names: Iterable[str | None]) -> RequestError:
    known = ", ".join(name or "(without a name)" for name in names)
    return RequestError(f"`operationName` has to be one of this document: {known}")


def _withdrawn() -> RequestError:
    return RequestError("this operation was withdrawn", code="DOCUMENT_WITHDRAWN", status=410)


def _unknown() -> RequestError:
    return RequestError("no such trusted document", code="DOCUMENT_UNKNOWN")


def _not_supported() -> RequestError:
    """In the words on which clients send the text instead, and no hashes any more.

    https://www.apollographql.com/docs/apollo-server/performance/apq: nothing is kept here that
    was not released with an app.
    """
    return RequestError(
        "PersistedQueryNotSupported", code="PERSISTED_QUERY_NOT_SUPPORTED", is_well_formed=True
    )
