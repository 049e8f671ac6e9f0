"""Strawberry with the catalogue, its documented caches on."""

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.catalogue_document import Service, ServiceKind, Theme, read_data, services_of


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    every = services_of(read_data())

    @strawberry.type
    class Query:
        """The catalogue."""

        @strawberry.field
        def services(
            self,
            theme: Theme | None = None,  # type: ignore[valid-type]
            kind: ServiceKind | None = None,  # type: ignore[valid-type]
        ) -> list[Service]:
            """The tiles of a theme and kind."""
            return [one for one in every if theme in (None, one.theme) and kind in (None, one.kind)]

    schema = strawberry.Schema(Query, extensions=[ParserCache(), ValidationCache()])
    return Starlette(routes=[Route("/graphql", GraphQL(schema))])
