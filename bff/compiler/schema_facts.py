"""What is known of a schema's resolvers before any request: which ones Strawberry wrote itself.

Strawberry wraps every resolver in a closure. Where that closure adds nothing for a field (no
permission class or exception handler, no extension but those that are merely awaited), generated
code may go straight to what is inside. A closure is recognised by the identity of its code object,
never by its name: a resolver that somebody wrapped once more is called as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import CellType, CodeType
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_input_object_type,
)
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.union import StrawberryUnion

from core.graphql.views import spoken

Resolve = Callable[..., Any]
"""Takes the parent and the info, and the arguments by name."""

BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
CAST_ATTRIBUTE = "__as_strawberry_type__"
"""Set on an object by ``strawberry.cast``: such an object decides its own type."""


def _inner_code(function: Callable[..., Any], *names: str) -> CodeType | None:
    """The code of a function defined inside another, None when Strawberry no longer has it."""
    code: CodeType | None = function.__code__
    for name in names:
        constants = code.co_consts if code else ()
        code = next((c for c in constants if isinstance(c, CodeType) and c.co_name == name), None)
    return code


READ_ATTRIBUTE = _inner_code(GraphQLCoreConverter.from_resolver, "_get_basic_result")
CALL_RESOLVER = _inner_code(GraphQLCoreConverter.from_resolver, "_resolver")
CALL_ASYNC_RESOLVER = _inner_code(GraphQLCoreConverter.from_resolver, "_async_resolver")
RETURN_EVENT = _inner_code(GraphQLCoreConverter.from_field, "<lambda>")
INSTANCE_CHECK = _inner_code(GraphQLCoreConverter.from_object, "_get_is_type_of", "is_type_of")
INTERFACE_TYPE = _inner_code(
    GraphQLCoreConverter.from_interface, "_get_resolve_type", "resolve_type"
)
SAY_NAME = _inner_code(spoken, "say")
UNION_TYPE = _inner_code(StrawberryUnion.get_type_resolver, "_resolve_union_type")


def _code(function: Any) -> CodeType | None:
    return getattr(function, "__code__", None)


def _cells(function: Any) -> dict[str, CellType]:
    """The variables that a function defined inside another holds on to."""
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def strawberry_schema(schema: GraphQLSchema) -> Any | None:
    """The Strawberry schema this one was built from, if any."""
    return getattr(schema, "_strawberry_schema", None)


def strawberry_field(field: GraphQLField) -> StrawberryField | None:
    """The Strawberry field this one was built from, if any."""
    definition = field.extensions.get(BACKREF)
    return definition if isinstance(definition, StrawberryField) else None


def attribute_read(field: GraphQLField) -> str | None:
    """The attribute that the field's resolver merely reads, or None if it does more."""
    inner = strawberry_field(field)
    if (
        inner is None
        or READ_ATTRIBUTE is None
        or _code(field.resolve) is not READ_ATTRIBUTE
        or type(inner).get_result is not StrawberryField.get_result
        or inner.default_resolver is not getattr
        or not inner.is_basic_field
    ):
        return None
    return inner.python_name


def spoken_attribute(field: GraphQLField) -> str | None:
    """The attribute whose name, in the viewer's language, is the field's value, or None."""
    resolver = direct_resolver(field)
    function: Any = resolver.wrapped_func if resolver is not None else None
    if SAY_NAME is None or _code(function) is not SAY_NAME:
        return None
    return str(_cells(function)["attribute"].cell_contents)


def returns_event(field: GraphQLField) -> bool:
    """Whether the field is a subscription's root, whose value is the event itself."""
    return RETURN_EVENT is not None and _code(field.resolve) is RETURN_EVENT


def direct_resolver(field: GraphQLField) -> StrawberryResolver[Any] | None:
    """The function inside Strawberry's wrapping, or None where the wrapping has work to do."""
    inner, resolver = strawberry_field(field), _resolver_within(field)
    return resolver if inner is not None and not inner.extensions else None


def extended_resolver(field: GraphQLField) -> StrawberryResolver[Any] | None:
    """The function behind extensions that are awaited and do nothing else, such as a guard.

    None where there are none, or others: those are called as they stand.
    """
    inner, resolver = strawberry_field(field), _resolver_within(field)
    if inner is None or resolver is None or not inner.extensions or not resolver.is_async:
        return None
    if resolver.parent_parameter or resolver.root_parameter:
        return None
    return resolver if all(map(_is_awaited_only, inner.extensions)) else None


def _is_awaited_only(extension: FieldExtension) -> bool:
    reshapes = type(extension).map_arguments is not FieldExtension.map_arguments
    return extension.supports_async and not extension.supports_sync and not reshapes


def through_extensions(field: GraphQLField, resolver: StrawberryResolver[Any]) -> Resolve:
    """The extensions of a field and the function behind them, as one; the last stands outside."""
    function: Any = resolver.wrapped_func
    name = resolver.info_parameter.name if resolver.info_parameter else ""

    def innermost(source: Any, info: Any, **arguments: Any) -> Any:
        if name:
            arguments[name] = info
        itself = (source,) if resolver.self_parameter else ()
        return function(*itself, **arguments)

    inner = strawberry_field(field)
    assert inner is not None
    resolve: Resolve = innermost
    for extension in inner.extensions:
        resolve = partial(extension.resolve_async, resolve)
    return resolve


def _resolver_within(field: GraphQLField) -> StrawberryResolver[Any] | None:
    """The function that Strawberry's wrapping calls, if nothing but extensions comes before it."""
    inner = strawberry_field(field)
    code = _code(field.resolve)
    if (
        inner is None
        or code is None
        or code not in (CALL_RESOLVER, CALL_ASYNC_RESOLVER)
        or type(inner).get_result is not StrawberryField.get_result
        or inner.permission_classes
        or _has_exception_handlers(field)
        or any(_builds_its_own_value(argument.type) for argument in field.args.values())
    ):
        return None
    resolver = inner.base_resolver
    if resolver is None or type(resolver) is not StrawberryResolver:
        return None
    return resolver if callable(resolver.wrapped_func) else None


def _has_exception_handlers(field: GraphQLField) -> bool:
    """Whether the closure turns exceptions of this field into members of its union."""
    handlers = _cells(field.resolve).get("field_exception_handlers")
    return handlers is None or bool(handlers.cell_contents)


def _builds_its_own_value(type_: GraphQLInputType, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an input type makes its value by a hook that may look at the request."""
    named = get_named_type(type_)
    if not is_input_object_type(named) or named.name in seen:
        return False
    definition = named.extensions.get(BACKREF)
    if getattr(definition, "from_input", None) is not None:
        return True
    seen |= {named.name}
    return any(_builds_its_own_value(field.type, seen) for field in named.fields.values())


def checks_instance_only(type_: GraphQLObjectType) -> bool:
    """Whether membership of the type depends on nothing but the value's class (or its cast)."""
    return type_.is_type_of is None or (
        INSTANCE_CHECK is not None and _code(type_.is_type_of) is INSTANCE_CHECK
    )


def resolves_by_class(abstract: GraphQLAbstractType) -> bool:
    """Whether the runtime type of a Strawberry object depends on nothing but its class."""
    code = _code(abstract.resolve_type)
    return code is not None and code in (INTERFACE_TYPE, UNION_TYPE)


def has_settled_type(cls: type) -> bool:
    """Whether instances of a class always are the same Strawberry type."""
    definition = vars(cls).get("__strawberry_definition__")
    return (
        definition is not None
        and definition.origin is cls
        and not definition.is_graphql_generic
        and definition.concrete_of is None
        and definition.is_type_of is None
        and definition.resolve_type is None
    )
