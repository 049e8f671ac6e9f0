"""The GraphQL playground: GraphiQL built from its npm packages and served by ourselves."""

from bff.playground.routes import (
    PlaygroundTab,
    playground_page,
    playground_routes,
    wants_playground,
)

__all__ = ["PlaygroundTab", "playground_page", "playground_routes", "wants_playground"]
