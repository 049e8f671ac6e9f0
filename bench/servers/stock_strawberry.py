"""Strawberry as its documentation sets it up, its documented caches on."""

from types import SimpleNamespace
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from bench.home_document import schema
from core.texts import Locale


class _Edge(GraphQL[Any, Any]):
    async def get_context(self, *_: Any, **__: Any) -> Any:
        """What resolvers of texts in two languages look at."""
        return SimpleNamespace(locale=Locale.ZH)


def create_app() -> Starlette:
    """Strawberry's own ASGI application at the same address."""
    parsed, validated = ParserCache(), ValidationCache()  # each keeps its own
    extensions = [lambda: parsed, lambda: validated]
    return Starlette(routes=[Route("/graphql", _Edge(schema(extensions=extensions)))])
