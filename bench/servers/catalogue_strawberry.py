"""Strawberry with the catalogue, its documented caches on."""

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.catalogue_document import Service, read_data, services_of
from core.catalogue import ServiceKind, Theme


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    every = services_of(read_data())

    @strawberry.type
    class Query:
        """The catalogue."""

        @strawberry.field
        def services(
            self,
            theme: Theme | None = None,
            kind: ServiceKind | None = None,
        ) -> list[Service]:
            """The tiles of a theme and kind."""
            return [one for one in every if theme in (None, one.theme) and kind in (None, one.kind)]

    parsed, validated = ParserCache(), ValidationCache()  # each keeps its own
    schema = strawberry.Schema(Query, extensions=[lambda: parsed, lambda: validated])
    return Starlette(routes=[Route("/graphql", GraphQL(schema))])
