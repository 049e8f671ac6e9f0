"""The catalogue of services in GraphQL, out of every wing's manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import strawberry

from bff.trusted.documents import TrustedDocument, documents_of
from core.assurance import Assurance
from core.catalogue import Service as Tile
from core.catalogue import ServiceKind, ServiceStatus, Theme
from core.context.app import App
from core.graphql import Info, anybody, public, query, view
from core.texts import Locale

_MAX_AGE_S = 60


class OperationKind(StrEnum):
    """QUERY reads. MUTATION changes something. SUBSCRIPTION follows what happens."""

    QUERY = "query"
    MUTATION = "mutation"
    SUBSCRIPTION = "subscription"


view(Theme)
view(ServiceKind)
view(ServiceStatus)
view(Locale)

InLanguage = Annotated[
    Locale | None, strawberry.argument(description="Another language than the viewer's.")
]
OfTheme = Annotated[Theme | None, strawberry.argument(description="Those of one theme only.")]
OfKind = Annotated[ServiceKind | None, strawberry.argument(description="Those of one kind only.")]
ServiceId = Annotated[strawberry.ID, strawberry.argument(description="The service's stable name.")]


@view
@dataclass(frozen=True, slots=True)
class ServiceOperation:
    """What an app runs for a service, by its id alone."""

    id: Annotated[str, "The trusted operation: an app sends it as `documentId`."]
    name: Annotated[str, "The operation's name, one in the whole app."]
    kind: Annotated[OperationKind, "Whether it reads, changes or follows."]


@strawberry.type(description="A service of the city.")
class Service:
    tile: strawberry.Private[Tile]
    id: strawberry.ID = strawberry.field(description="The service's stable name.")
    number: int = strawberry.field(description="Its number in the city's list.")
    theme: Theme = strawberry.field(description="Its theme.")
    kind: ServiceKind = strawberry.field(description="What it does.")
    identity_level: int = strawberry.field(
        description="Who may use it: 0 anybody, 1 signed in by phone, 2 real name verified."
    )
    assurance: Assurance | None = strawberry.field(
        description="By what the real name must have been proved, or by more; null where a typed "
        "name and number will do."
    )
    status: ServiceStatus = strawberry.field(description="Whether it works yet.")
    document_id: str | None = strawberry.field(
        description="The document of all its operations: with an operation's name it runs that "
        "one. Null while it is planned."
    )
    operations: list[ServiceOperation] = strawberry.field(
        description="What it is run by, in the order of use; empty while it is planned."
    )
    deep_link: str = strawberry.field(description="The address that opens it in the app.")

    @strawberry.field(
        metadata=public(_MAX_AGE_S),
        description="Its name, in the viewer's language unless another is asked for.",
    )
    def name(self, info: Info, locale: InLanguage = None) -> str:
        """The tile's name."""
        spoken = locale or info.context.locale
        return self.tile.name_zh if spoken is Locale.ZH else self.tile.name_en

    @strawberry.field(
        metadata=public(_MAX_AGE_S), description="The department that answers for it."
    )
    def department(self, info: Info, locale: InLanguage = None) -> str:
        """The department's name from the city file."""
        city = info.context.app.city
        return city.departments[self.tile.department].say(locale or info.context.locale)


@strawberry.type
class Query:
    """The catalogue's query fields."""

    @query(
        anybody(),
        never_refuses=True,
        metadata=public(_MAX_AGE_S),
        description="The city's services in the order of their numbers.",
    )
    def services(self, info: Info, theme: OfTheme = None, kind: OfKind = None) -> list[Service]:
        """The catalogue, all of it or one theme or kind."""
        return [
            service
            for service in _catalogue(info).values()
            if theme in (None, service.theme) and kind in (None, service.kind)
        ]

    @query(anybody(), metadata=public(_MAX_AGE_S), description="One service by its stable name.")
    def service(self, info: Info, id: ServiceId) -> Service | None:
        """A service, or null."""
        return _catalogue(info).get(id)


class _Catalogue:
    """Every service as GraphQL shows it, by its id; made once a process."""

    def __init__(self, app: App) -> None:
        documents, link = documents_of(app.manifests), app.city.deep_link
        self.services = {
            tile.id: _service(tile, documents.for_service(tile.id), link)
            for tile in app.services.values()
        }


def _catalogue(info: Info) -> Mapping[str, Service]:
    app = info.context.app
    return app.once(_Catalogue, lambda: _Catalogue(app)).services


def _service(tile: Tile, document: TrustedDocument | None, link: str) -> Service:
    operations = document.operations if document else ()
    return Service(
        tile=tile,
        id=strawberry.ID(tile.id),
        number=tile.number,
        theme=tile.theme,
        kind=tile.kind,
        identity_level=tile.identity_level,
        assurance=tile.assurance,
        status=tile.status,
        document_id=document.id if document else None,
        operations=[
            ServiceOperation(one.id, one.name, OperationKind(one.kind)) for one in operations
        ],
        deep_link=link.format(id=tile.id),
    )
