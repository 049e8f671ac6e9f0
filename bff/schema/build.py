"""One GraphQL schema out of every wing's types, and its committed text `schema.graphql`."""

from collections.abc import Sequence
from functools import lru_cache

import strawberry
from graphql import GraphQLDeferDirective, print_schema
from strawberry.schema.config import StrawberryConfig

from core.graphql import SCALARS
from core.manifest import Manifest, load


def build_schema(manifests: Sequence[Manifest]) -> strawberry.Schema:
    """The city's schema. Raises ValueError where two wings give a root field of one name."""
    return _build(tuple(manifests))


@lru_cache(maxsize=4)
def _build(manifests: tuple[Manifest, ...]) -> strawberry.Schema:
    schema = strawberry.Schema(
        query=_merge("Query", [p for m in manifests for p in m.queries]),
        mutation=_merge("Mutation", [p for m in manifests for p in m.mutations]),
        subscription=_merge("Subscription", [p for m in manifests for p in m.subscriptions]),
        types=[load(path) for m in manifests for path in m.types],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )
    return allow_defer(schema)


def allow_defer(schema: strawberry.Schema) -> strawberry.Schema:
    """Let documents defer fragments; `@stream` stays unknown."""
    core = schema._schema
    core.directives = (*core.directives, GraphQLDeferDirective)
    return schema


def schema_text(schema: strawberry.Schema) -> str:
    """The schema in GraphQL's own language, as committed."""
    return print_schema(schema._schema) + "\n"


def _merge(name: str, paths: Sequence[str]) -> type:
    """One root type with the fields of all; the order of wings is the order of fields."""
    parts = [load(path) for path in paths]
    owners: dict[str, str] = {}
    for path, part in zip(paths, parts, strict=True):
        for field in part.__strawberry_definition__.fields:
            if field.python_name in owners:
                raise ValueError(
                    f"{name}.{field.python_name} is given by {owners[field.python_name]} and {path}"
                )
            owners[field.python_name] = path
    # Python reads the bases' fields from last to first
    merged = type(name, tuple(reversed(parts)), {"__doc__": f"Every wing's {name.lower()} fields."})
    return strawberry.type(merged, description=_DESCRIPTIONS[name])


_DESCRIPTIONS = {
    "Query": "Everything an app can read.",
    "Mutation": "Everything an app can do. Each answer is a payload or a typed refusal.",
    "Subscription": "News as it happens.",
}
