"""Strawberry as its documentation sets it up, its documented caches on."""

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.home_document import Query


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    parsed, validated = ParserCache(), ValidationCache()  # each keeps its own
    schema = strawberry.Schema(Query, extensions=[lambda: parsed, lambda: validated])
    return Starlette(routes=[Route("/graphql", GraphQL(schema))])
