"""What an operation asks for, resolved against the schema: fields, selections and their kinds.

A plan holds for one choice of the conditions in `@skip` and `@include`, so it has no
conditions left in it. Fields are collected by graphql-core's own functions, so the keys,
their order and the nodes blamed for an error are the same in both executors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.types.fields.resolver import StrawberryResolver

from bff.compiler.errors import CannotCompile
from bff.compiler.inputs import Conversion
from bff.compiler.schema_facts import (
    attribute_read,
    direct_resolver,
    extended_resolver,
    returns_event,
    spoken_attribute,
)

MAX_DEPTH = 60
"""Nesting beyond this is left to graphql-core (no sane document comes near)."""
MAX_POSSIBLE_TYPES = 40
"""An abstract type with more members than this is completed by graphql-core."""
MAX_SELECTIONS = 2_000
"""Object selections of one plan, abstract types counted once per member."""


class Kind(Enum):
    """Where the value of a field comes from."""

    TYPENAME = "the name of the parent type"
    READ = "an attribute of the parent"
    EVENT = "the parent itself"
    DIRECT = "the function inside Strawberry's wrapping"
    EXTENDED = "the function inside Strawberry's wrapping, behind its extensions"
    WRAPPED = "the resolver as it stands"


@dataclass(eq=False, slots=True)
class Field:
    """One response key of one object type, with all nodes that ask for it."""

    index: int
    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    nodes: list[FieldNode]
    kind: Kind
    attribute: str = ""
    is_spoken: bool = False
    """Whether what is read is a name in both languages, said in the viewer's."""
    resolver: StrawberryResolver[Any] | None = None
    conversion: Conversion | None = None
    """What makes its arguments of those that graphql-core has coerced, once they were needed."""
    completion: Any = None
    """How its value is completed (a `bff.compiler.completions.Completion`)."""

    @property
    def return_type(self) -> GraphQLOutputType:
        return self.definition.type

    @property
    def name(self) -> str:
        return self.nodes[0].name.value


@dataclass(eq=False, slots=True)
class Selection:
    """What is asked of one object type at one place."""

    index: int
    type: GraphQLObjectType
    fields: list[Field]
    plain: bool = False
    """Whether nothing but attributes is read, so that reading twice does no harm."""
    flat: bool = False
    """Whether it is plain and has no lists of objects in it."""


@dataclass
class Planner:
    """Plans the selections of one operation under one choice of conditions."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    conditions: VariableValues
    fields: list[Field] = field(default_factory=list)
    _selections: dict[tuple[Any, ...], Selection] = field(default_factory=dict)
    _depth: int = 0
    _count: int = 0

    def root(self) -> Selection:
        """The selection of the operation's root type."""
        root_type = self.schema.get_root_type(self.operation.operation)
        if root_type is None:
            raise CannotCompile(f"the schema has no {self.operation.operation.value} type")
        collected = collect_fields(
            self.schema, self.fragments, self.conditions, root_type, self.operation
        )
        return self._selection(root_type, collected.grouped_field_set)

    def below(self, type_: GraphQLObjectType, details: list[FieldDetails]) -> Selection:
        """The selection of an object type under a field, the same one for the same nodes."""
        key = (type_.name, *(id(detail.node) for detail in details))
        known = self._selections.get(key)
        if known is not None:
            return known
        if self._depth >= MAX_DEPTH:
            raise CannotCompile(f"selections nest deeper than {MAX_DEPTH}")
        if len(self._selections) >= MAX_SELECTIONS:
            raise CannotCompile(f"more than {MAX_SELECTIONS} object selections")
        self._depth += 1
        try:
            collected = collect_subfields(
                self.schema, self.fragments, self.conditions, self.operation, type_, details
            )
            selection = self._selection(type_, collected.grouped_field_set)
        finally:
            self._depth -= 1
        self._selections[key] = selection
        return selection

    def members(
        self, type_: GraphQLAbstractType, details: list[FieldDetails]
    ) -> dict[str, Selection] | None:
        """The selection of each possible type, None when there are too many to compile."""
        possible = self.schema.get_possible_types(type_)
        if len(possible) > MAX_POSSIBLE_TYPES:
            return None
        return {member.name: self.below(member, details) for member in possible}

    def is_plain(self, type_: GraphQLOutputType, details: list[FieldDetails]) -> bool:
        """Whether a value of the type is completed without calling any resolver."""
        selections = self.selections(type_, details)
        return selections is not None and all(selection.plain for selection in selections)

    def is_flat(self, type_: GraphQLOutputType, details: list[FieldDetails]) -> bool:
        """Whether a value of the type is plain and has no lists of objects in it."""
        if is_leaf_type(get_named_type(type_)):
            return True
        if is_list_type(get_nullable_type(type_)):
            return False
        selections = self.selections(type_, details)
        return selections is not None and all(selection.flat for selection in selections)

    def selections(
        self, type_: GraphQLOutputType, details: list[FieldDetails]
    ) -> list[Selection] | None:
        """The selections of the object types a value may have, None if there are too many."""
        named = get_named_type(type_)
        if is_leaf_type(named):
            return []
        if is_object_type(named):
            return [self.below(named, details)]
        assert is_abstract_type(named)
        members = self.members(named, details)
        return None if members is None else list(members.values())

    def _selection(
        self, type_: GraphQLObjectType, grouped: Mapping[str, list[FieldDetails]]
    ) -> Selection:
        fields = [self._field(type_, key, details) for key, details in grouped.items()]
        self._count += 1
        selection = Selection(self._count, type_, fields)
        # All are planned, those behind resolvers too, so that limits hold for the whole.
        plain = [self.is_plain(f.return_type, f.details) for f in fields]
        selection.plain = all(
            f.kind is Kind.TYPENAME or (f.kind is Kind.READ and is_plain)
            for f, is_plain in zip(fields, plain, strict=True)
        )
        selection.flat = selection.plain and all(
            self.is_flat(f.return_type, f.details) for f in fields
        )
        return selection

    def _field(self, parent: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Field:
        name = details[0].node.name.value
        definition = self.schema.get_field(parent, name)
        if definition is None:
            raise CannotCompile(f"{parent.name} has no field {name}")
        if name in ("__schema", "__type"):
            raise CannotCompile("introspection is graphql-core's")
        nodes = [detail.node for detail in details]
        planned = Field(len(self.fields), key, parent, definition, details, nodes, Kind.WRAPPED)
        self.fields.append(planned)
        if name == "__typename":
            planned.kind = Kind.TYPENAME
        elif returns_event(definition):
            planned.kind = Kind.EVENT
        elif attribute := attribute_read(definition):
            planned.kind, planned.attribute = Kind.READ, attribute
        elif attribute := spoken_attribute(definition):
            planned.kind, planned.attribute, planned.is_spoken = Kind.READ, attribute, True
        elif resolver := direct_resolver(definition):
            planned.kind, planned.resolver = Kind.DIRECT, resolver
        elif resolver := extended_resolver(definition):
            planned.kind, planned.resolver = Kind.EXTENDED, resolver
        return planned
