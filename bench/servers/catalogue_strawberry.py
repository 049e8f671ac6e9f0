"""Strawberry with the catalogue, its documented caches on."""

from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.catalogue_document import read_data, schema_over, services_of


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    parsed, validated = ParserCache(), ValidationCache()  # each keeps its own
    schema = schema_over(services_of(read_data()), extensions=[lambda: parsed, lambda: validated])
    return Starlette(routes=[Route("/graphql", GraphQL(schema))])
