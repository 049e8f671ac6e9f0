"""Measures parsed documents: depth, counts and cost, each fragment once.

Sizes are upper bounds: a document is measured before anything is resolved, so abstract types
count all their branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
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
)

COST_KEY = "cost"
"""Where a field's cost is declared, in its Strawberry metadata or its graphql-core extensions."""
MOST = 10**12
"""Counts beyond this are all the same."""
INTROSPECTION_COST = 2_000
"""Of one `__schema` or `__type`: it may list the whole schema."""
MAX_NESTING = 100
"""Selections inside selections, inline fragments and spreads included: the depth of our stack."""


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
    variable_depth: int = 16
    """Lists and objects inside one another there."""
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


def hold(code: str, limit: int, actual: int) -> None:
    if actual > limit:
        raise LimitExceeded(code, limit, actual)


def integers_known(
    operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What is known of the integers among an operation's variables."""
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        if isinstance(definition.default_value, IntValueNode):
            values[definition.variable.name.value] = int(definition.default_value.value[:12])
    values.update(variables or {})
    return values


class Measure:
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
        hold("TOO_DEEP", MAX_NESTING, self._nesting)
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
            directives = [directive.name.value for directive in selection.directives or ()]
            part = replace(
                part,
                directives=part.directives + len(directives),
                # each deferred fragment is a piece of work and a part of the answer
                cost=part.cost + directives.count("defer"),
            )
            total = _sum(total, part)
        self._nesting -= 1
        return total

    def _spread(self, node: FragmentSpreadNode, paged: bool) -> Costs:
        self._spreads += 1
        hold("TOO_MANY_SPREADS", self._limits.spreads, self._spreads)
        fragment = self._fragments.get(node.name.value)
        return self.fragment(fragment, paged) if fragment else Costs()

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, paged: bool) -> Costs:
        name = node.name.value
        if name.startswith("__") and name != "__typename":
            hold("INTROSPECTION", 1 if self._limits.introspection else 0, 1)
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
