"""What a GraphQL document may ask for: caps before parsing, then one pass over the parsed text.

Every fragment is measured once, however often it is spread, so the pass is linear in the text
even where the operation it describes is exponential. Validation runs only on documents that
passed, and gives up after a few errors. Sizes are upper bounds: a document is measured before
anything is resolved, so abstract types count all their branches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from bff.overlap import Overlap, TooMuchOverlap

COST_KEY = "cost"
"""Where a field's cost is declared, in its Strawberry metadata or its graphql-core extensions."""
MOST = 10**12
"""Counts beyond this are all the same."""
INTROSPECTION_COST = 2_000
"""Of one `__schema` or `__type`: it may list the whole schema."""
MAX_NESTING = 100
"""Selections inside selections, inline fragments and spreads included: the depth of our stack."""
RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""The rules a document is validated by: graphql-core's, and those Strawberry adds."""


class LimitExceeded(Exception):
    """A document asks for more than it may.

    :param code: which limit, as in ``TOO_DEEP``.
    :param limit: the largest value allowed.
    :param actual: the value found, or the first one beyond the limit.
    """

    def __init__(self, code: str, limit: int, actual: int) -> None:
        super().__init__(f"{code}: {actual} where {limit} is the most.")
        self.code = code
        self.limit = limit
        self.actual = actual


@dataclass(frozen=True)
class Limits:
    """The most a document may ask for. The defaults are for text a stranger sent."""

    source_bytes: int = 65_536
    tokens: int = 1_500
    comments: int = 500
    definitions: int = 60
    """Operations and fragments. Some validation rules visit every fragment per operation."""
    operations: int = 8
    spreads: int = 120
    """Fragment spreads in the text, unknown fragments included."""
    depth: int = 16
    """Nested fields, fragments followed; introspection is bounded by its own rule."""
    fields: int = 1_000
    """Fields with all fragments written out."""
    aliases: int = 100
    directives: int = 60
    root_fields: int = 40
    overlap: int = 3_000
    """Pairs of fields to compare for whether they can be merged."""
    variable_values: int = 2_000
    """Values in the JSON of the variables, however nested."""
    cost: int = 20_000
    page_size: int = 100
    """Assumed for a page whose size is only known at run time."""
    list_size: int = 10
    """Assumed for a list that says nothing of its size."""
    introspection: bool = True
    errors: int = 5
    """Validation stops after this many errors."""


@dataclass(frozen=True)
class Costs:
    """What a document asks for; of several operations, the most of each."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    cost: int = 0


@dataclass(frozen=True)
class ParsedDocument:
    """A document within its limits: valid if there are no errors."""

    document: DocumentNode | None
    costs: Costs | None
    errors: list[GraphQLError]


@dataclass(frozen=True)
class FieldCost:
    """What one field costs, and how often its children do."""

    weight: int = 1
    multiplier_arg: str | None = None
    assumed_size: int | None = None


def cost(
    weight: int = 1, *, multiplier_arg: str | None = None, assumed_size: int | None = None
) -> dict[str, FieldCost]:
    """Metadata that declares a field's cost: ``strawberry.field(metadata=cost(5))``.

    :param weight: of the field itself, in units of one cheap resolver call.
    :param multiplier_arg: the argument (GraphQL name) that says how many items are returned;
        ``first`` and ``last`` are understood without it.
    :param assumed_size: how many items, where no argument says.
    """
    return {COST_KEY: FieldCost(weight, multiplier_arg, assumed_size)}


def parse_and_validate(
    schema: GraphQLSchema,
    source: str,
    limits: Limits | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ParsedDocument:
    """Parse, measure and validate the text of a document, in bounded time.

    :raises LimitExceeded: before the work it limits is done.
    """
    limits = limits or Limits()
    size = len(source.encode(errors="surrogatepass"))
    _hold("TOO_LARGE", limits.source_bytes, size)
    check_variables(variables, limits)
    try:
        document = parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLError as error:
        for code, limit in (("tokens", limits.tokens), ("comments", limits.comments)):
            if f"more than {limit} {code}" in error.message:
                raise LimitExceeded(f"TOO_MANY_{code.upper()}", limit, limit + 1) from error
        return ParsedDocument(None, None, [error])
    costs = check_document(schema, document, variables, limits)
    errors = validate(schema, document, RULES, max_errors=limits.errors, hide_suggestions=True)
    return ParsedDocument(document, costs, errors[: limits.errors])


def check_document(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Costs:
    """Measure a parsed document, valid or not.

    :param variables: page sizes are read from them; without, the defaults or the most count.
    :raises LimitExceeded: for the first limit that the document breaks.
    """
    limits = limits or Limits()
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    _hold("TOO_MANY_DEFINITIONS", limits.definitions, len(document.definitions))
    _hold("TOO_MANY_OPERATIONS", limits.operations, len(operations))
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    costs = Costs()
    for operation in operations:
        pass_ = _Pass(schema, fragments, limits, _variable_values(operation, variables))
        costs = _most(costs, pass_.operation(operation))
    # Fragments that no operation uses are validated all the same.
    unused = _Pass(schema, fragments, limits, {})
    for fragment in fragments.values():
        costs = _most(costs, replace(unused.fragment(fragment), root_fields=0))
    _hold_all(costs, limits)
    try:
        Overlap(fragments, limits.overlap).check(document)
    except TooMuchOverlap as error:
        raise LimitExceeded("TOO_MUCH_OVERLAP", limits.overlap, error.pairs) from error
    return costs


def check_variables(variables: Mapping[str, Any] | None, limits: Limits) -> None:
    """Count the values of a request's variables.

    :raises LimitExceeded: when there are too many to coerce in time.
    """
    count, pending = 0, [variables or {}]
    while pending:
        value: Any = pending.pop()
        children: Iterable[Any] = ()
        if isinstance(value, Mapping):
            children = value.values()
        elif isinstance(value, list | tuple):
            children = value
        count += 1
        pending.extend(children)
        _hold("TOO_MANY_VALUES", limits.variable_values, count + len(pending))


def _hold(code: str, limit: int, actual: int) -> None:
    if actual > limit:
        raise LimitExceeded(code, limit, actual)


def _hold_all(costs: Costs, limits: Limits) -> None:
    _hold("TOO_DEEP", limits.depth, costs.depth)
    _hold("TOO_MANY_ROOT_FIELDS", limits.root_fields, costs.root_fields)
    _hold("TOO_MANY_FIELDS", limits.fields, costs.fields)
    _hold("TOO_MANY_ALIASES", limits.aliases, costs.aliases)
    _hold("TOO_MANY_DIRECTIVES", limits.directives, costs.directives)
    _hold("TOO_COSTLY", limits.cost, costs.cost)


def _most(left: Costs, right: Costs) -> Costs:
    return Costs(*(max(getattr(left, f.name), getattr(right, f.name)) for f in fields(Costs)))


def _variable_values(
    operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is known of the integers among an operation's variables."""
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        if isinstance(definition.default_value, IntValueNode):
            values[definition.variable.name.value] = int(definition.default_value.value[:12])
    values.update(variables or {})
    return values


class _Pass:
    """Measures the selections of one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        limits: Limits,
        values: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._limits = limits
        self._values = values
        self._measured: dict[tuple[str, bool], Costs | None] = {}
        self._spreads = 0
        self._nesting = 0

    def operation(self, node: OperationDefinitionNode) -> Costs:
        root = self._schema.get_root_type(node.operation)
        costs = self._selections(node.selection_set, root, paged=False)
        return replace(costs, directives=costs.directives + len(node.directives or ()))

    def fragment(self, node: FragmentDefinitionNode, paged: bool = False) -> Costs:
        """One fragment, measured once; a cycle adds nothing (validation refuses it)."""
        key = (node.name.value, paged)
        if key in self._measured:
            return self._measured[key] or Costs()
        self._measured[key] = None
        on = self._schema.get_type(node.type_condition.name.value)
        self._measured[key] = costs = self._selections(node.selection_set, on, paged)
        return costs

    def _selections(
        self, node: SelectionSetNode, parent: GraphQLNamedType | None, paged: bool
    ) -> Costs:
        self._nesting += 1
        _hold("TOO_DEEP", MAX_NESTING, self._nesting)
        total = Costs()
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                part = self._field(selection, parent, paged)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                on = self._schema.get_type(condition.name.value) if condition else parent
                part = self._selections(selection.selection_set, on, paged)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                part = self._spread(selection, paged)
            part = replace(part, directives=part.directives + len(selection.directives or ()))
            total = _sum(total, part)
        self._nesting -= 1
        return total

    def _spread(self, node: FragmentSpreadNode, paged: bool) -> Costs:
        self._spreads += 1
        _hold("TOO_MANY_SPREADS", self._limits.spreads, self._spreads)
        fragment = self._fragments.get(node.name.value)
        return self.fragment(fragment, paged) if fragment else Costs()

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, paged: bool) -> Costs:
        name = node.name.value
        if name.startswith("__") and name != "__typename":
            _hold("INTROSPECTION", 1 if self._limits.introspection else 0, 1)
            below = Costs() if node.selection_set is None else self._below(node, None, False)
            return replace(
                below,
                depth=1,
                fields=below.fields + 1,
                aliases=below.aliases + bool(node.alias),
                root_fields=1,
                cost=INTROSPECTION_COST,
            )
        definition = self._definition(parent, name)
        declared = _declared(definition)
        size, is_page = self._size(node, definition, declared, paged)
        below = Costs()
        if node.selection_set:
            type_ = get_named_type(definition.type) if definition else None
            below = self._below(node, type_, is_page)
        return Costs(
            depth=below.depth + 1,
            fields=min(below.fields + 1, MOST),
            aliases=min(below.aliases + bool(node.alias), MOST),
            directives=below.directives,
            root_fields=1,
            cost=min(self._weight(definition, declared) + size * below.cost, MOST),
        )

    def _below(self, node: FieldNode, type_: GraphQLNamedType | None, paged: bool) -> Costs:
        assert node.selection_set is not None
        return self._selections(node.selection_set, type_, paged)

    def _definition(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        return getattr(parent, "fields", {}).get(name)

    def _weight(self, definition: GraphQLField | None, declared: FieldCost | None) -> int:
        if declared:
            return declared.weight
        return int(definition is not None and not is_leaf_type(get_named_type(definition.type)))

    def _size(
        self,
        node: FieldNode,
        definition: GraphQLField | None,
        declared: FieldCost | None,
        paged: bool,
    ) -> tuple[int, bool]:
        """How many objects a field returns, and whether its size is that of lists below it.

        A connection has a page size but is no list; its ``edges`` are, and count once.
        """
        if definition is None:
            return 1, False
        is_list = is_list_type(get_nullable_type(definition.type))
        names: tuple[str, ...] = ("first", "last")
        if declared and declared.multiplier_arg:
            names = (declared.multiplier_arg,)
        sizes = [self._argument(node, definition, name) for name in names]
        known = [size for size in sizes if size is not None]
        if known:
            return max(known), not is_list
        if any(name in definition.args for name in names):
            return self._limits.page_size, not is_list
        if declared and declared.assumed_size is not None:
            return declared.assumed_size, not is_list
        return (1 if paged or not is_list else self._limits.list_size), False

    def _argument(self, node: FieldNode, definition: GraphQLField, name: str) -> int | None:
        """The size an argument gives; None if it is absent or null."""
        argument = definition.args.get(name)
        if argument is None:
            return None
        given = next((a.value for a in node.arguments or () if a.name.value == name), None)
        value: Any = None
        if given is None:
            value = _default(argument)
        elif isinstance(given, IntValueNode):
            value = int(given.value[:12])
        elif isinstance(given, VariableNode):
            value = self._values.get(given.name.value, self._limits.page_size)
        if value is None:
            return None
        return max(0, min(value, MOST)) if isinstance(value, int) else self._limits.page_size


def _default(argument: Any) -> Any:
    """An argument's default, in either of the forms graphql-core keeps it in."""
    if argument.default is not None:
        literal = argument.default.literal
        if literal is None:
            return argument.default.value
        return int(literal.value) if isinstance(literal, IntValueNode) else None
    return None if argument.default_value is Undefined else argument.default_value


def _declared(definition: GraphQLField | None) -> FieldCost | None:
    if definition is None:
        return None
    inner = definition.extensions.get("strawberry-definition")
    metadata = getattr(inner, "metadata", None) or {}
    found = metadata.get(COST_KEY) or definition.extensions.get(COST_KEY)
    return found if isinstance(found, FieldCost) else None


def _sum(left: Costs, right: Costs) -> Costs:
    return Costs(
        max(left.depth, right.depth),
        min(left.fields + right.fields, MOST),
        min(left.aliases + right.aliases, MOST),
        min(left.directives + right.directives, MOST),
        min(left.root_fields + right.root_fields, MOST),
        min(left.cost + right.cost, MOST),
    )
