"""What the schema must say: all of it is described, deprecations are dated, every root field has
its access rule, ids and lists are named in one way."""

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_introspection_type,
    is_list_type,
    is_specified_scalar_type,
)

from core.graphql import rule_of

_DATED = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_SELF_EVIDENT = frozenset({"Node"})


def lint(schema: GraphQLSchema) -> list[str]:
    """What lacks a description, a day on which a deprecated field goes, or an access rule."""
    faults = list(_lint_rules(schema))
    for type_ in schema.type_map.values():
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_):
            faults += _lint_type(type_)
    return sorted(faults)


def _lint_rules(schema: GraphQLSchema) -> Iterator[str]:
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        for name, field in root.fields.items() if root else ():
            if rule_of(field) is None:
                yield f"{root}.{name} has no access rule"


def _lint_type(type_: GraphQLNamedType) -> Iterator[str]:
    if not type_.description and type_.name not in _SELF_EVIDENT:
        yield f"{type_.name} has no description"
    match type_:
        case GraphQLObjectType() | GraphQLInterfaceType():
            for name, field in type_.fields.items():
                yield from _lint_field(f"{type_.name}.{name}", field)
            yield from _lint_names(type_)
        case GraphQLInputObjectType():
            for name, member in type_.fields.items():
                if not member.description:
                    yield f"{type_.name}.{name} has no description"
        case GraphQLEnumType():
            yield from _lint_enum(type_)


def _lint_field(place: str, field: GraphQLField) -> Iterator[str]:
    if not field.description:
        yield f"{place} has no description"
    if field.deprecation_reason and not _DATED.search(field.deprecation_reason):
        yield f"{place} is deprecated without the day on which it goes (YYYY-MM-DD)"
    for name, argument in field.args.items():
        if not argument.description:
            yield f"{place}({name}:) has no description"


def _lint_names(type_: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[str]:
    """What clients do by a name alone: caches are keyed by `id`, lists of readings are `items`."""
    id_ = type_.fields.get("id")
    if id_ is not None and str(id_.type) != "ID!":
        yield f"{type_.name}.id is {id_.type}, not ID!: a cache is keyed by it"
    lists = [n for n, f in type_.fields.items() if is_list_type(get_nullable_type(f.type))]
    others = type_.fields.keys() - {*lists, "status", "asOf", "reason"}
    is_reading = {"status", "asOf"} <= type_.fields.keys()
    if is_reading and len(lists) == 1 and not others and lists != ["items"]:
        yield f"{type_.name}.{lists[0]}: the list of a reading is called items"


def _lint_enum(type_: GraphQLEnumType) -> Iterator[str]:
    """Values are described one by one, or by name in the description of their type."""
    description = type_.description or ""
    for name, value in type_.values.items():
        if not value.description and name not in description:
            yield f"{type_.name}.{name} has no description"
