"""The connected servers of one upstream: the hospitals, the clinics."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.context.app import App
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from modules.health.hospitals.upstream import Hospitals
from modules.health.policy import hospitals_of


@dataclass(frozen=True, slots=True)
class Servers:
    """Servers that speak one protocol. `refs` are the codes under which the city reaches them."""

    upstream: str
    protocol: type[Hospitals]
    refs: Callable[[App], Collection[str]]

    def client(self, app: App, server_ref: str) -> Hospitals:
        """Their client. Raises NotFound for a server that is not connected."""
        if server_ref not in self.refs(app):
            raise NotFound(NOT_FOUND)
        return app.upstream(self.protocol)


HOSPITALS = Servers("hospitals", Hospitals, hospitals_of)
