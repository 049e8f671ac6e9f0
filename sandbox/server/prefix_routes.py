"""Routes by the first part of their path: a request is compared with those of its system alone."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_ROUTE = "sandbox.route"


class PrefixRoutes(BaseRoute):
    """The routes whose path begins with one part."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.routes: list[Route] = []

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that fits, or else the first that would by another method."""
        found: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http" or _first_part(scope["path"]) != self.part:
            return found
        for route in self.routes:
            match, child_scope = route.matches(scope)
            if match.value > found[0].value:
                found = match, {**child_scope, _ROUTE: route}
            if match is Match.FULL:
                break
        return found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that fitted."""
        await scope[_ROUTE].handle(scope, receive, send)


def by_first_part(routes: Iterable[Route]) -> list[PrefixRoutes]:
    """The same routes grouped by that part; their order within a group is kept."""
    groups: dict[str, PrefixRoutes] = {}
    for route in routes:
        part = _first_part(route.path)
        groups.setdefault(part, PrefixRoutes(part)).routes.append(route)
    return list(groups.values())


def _first_part(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]
