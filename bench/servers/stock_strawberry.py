"""Strawberry as its documentation sets it up."""

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from bench.home_document import Query


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    return Starlette(routes=[Route("/graphql", GraphQL(strawberry.Schema(Query)))])
