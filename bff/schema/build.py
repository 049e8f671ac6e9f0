"""One GraphQL schema out of every wing's types, and its committed text `schema.graphql`."""

from collections.abc import Sequence
from functools import lru_cache

import strawberry
from graphql import GraphQLDeferDirective, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import get_object_definition, has_object_definition

from core.graphql import SCALARS
from core.manifest import Manifest
from core.rooms import classes_of


def build_schema(manifests: Sequence[Manifest]) -> strawberry.Schema:
    """The city's schema. Raises ValueError where two wings give a root field of one name."""
    return _build(tuple(manifests))


@lru_cache(maxsize=4)
def _build(manifests: tuple[Manifest, ...]) -> strawberry.Schema:
    types = [item for manifest in manifests for item in classes_of(manifest) if _is_type(item)]
    schema = strawberry.Schema(
        query=_merge("Query", types),
        mutation=_merge("Mutation", types),
        subscription=_merge("Subscription", types),
        types=[item for item in types if _implements(item)],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    schema._schema.description = _DESCRIPTION
    return allow_defer(schema)


def allow_defer(schema: strawberry.Schema) -> strawberry.Schema:
    """Let documents defer fragments; `@stream` stays unknown."""
    core = schema._schema
    core.directives = (*core.directives, GraphQLDeferDirective)
    return schema


def schema_text(schema: strawberry.Schema) -> str:
    """The schema in GraphQL's own language, as committed."""
    return print_schema(schema._schema) + "\n"


def _is_type(item: type) -> bool:
    return has_object_definition(item) and not get_object_definition(item, strict=True).is_input


def _implements(item: type) -> bool:
    """Whether a field may give it under the name of an interface alone."""
    definition = get_object_definition(item, strict=True)
    return bool(definition.interfaces) and not definition.is_interface


def _merge(name: str, types: Sequence[type]) -> type:
    """One root type with the fields of all; the order of wings is the order of fields."""
    parts = [item for item in types if item.__name__ == name]
    owners: dict[str, str] = {}
    for part in parts:
        for field in get_object_definition(part, strict=True).fields:
            if field.python_name in owners:
                raise ValueError(
                    f"{name}.{field.python_name} is given by {owners[field.python_name]} "
                    f"and {part.__module__}"
                )
            owners[field.python_name] = part.__module__
    # Python reads the bases' fields from last to first
    merged = type(name, tuple(reversed(parts)), {"__doc__": f"Every wing's {name.lower()} fields."})
    return strawberry.type(merged, description=_DESCRIPTIONS[name])


_DESCRIPTION = (
    "The city's services for its app: docs/app.md. Production runs the trusted operations that the "
    "catalogue (`services`) names, and nothing else."
)
_DESCRIPTIONS = {
    "Query": "Everything an app can read.",
    "Mutation": "Everything an app can do. Each answer is a payload or a typed refusal.",
    "Subscription": "News as it happens.",
}
