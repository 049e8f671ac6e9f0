"""The product's own catalogue in the hands of other servers: its document, and its data as a file.

Names and departments are resolvers with an argument everywhere, as they are with us. The data is
our own answers in both languages; DATA_FILE tells a server where it is.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import strawberry

from bff.screens.catalogue import OperationKind
from bff.trusted.documents import TrustedOperation, documents_of
from core.assurance import Assurance
from core.catalogue import ServiceKind, ServiceStatus, Theme
from core.manifest import discover
from core.texts import Locale

Data = Mapping[str, Any]


def catalogue() -> TrustedOperation:
    """The operation as apps send it."""
    (operation,) = documents_of(discover()).by_name["catalogue"].operations
    return operation


def data_of(chinese: bytes, english: bytes) -> Data:
    """What peers answer from: our answer in two languages."""
    pairs = zip(_services(chinese), _services(english), strict=True)
    rows = [
        {
            **zh,
            "name": {"ZH": zh["name"], "EN": en["name"]},
            "department": {"ZH": zh["department"], "EN": en["department"]},
        }
        for zh, en in pairs
    ]
    return {"services": rows}


def read_data() -> list[Data]:
    """What a server answers from."""
    rows: list[Data] = orjson.loads(Path(os.environ["DATA_FILE"]).read_bytes())["services"]
    return rows


def _services(answer: bytes) -> list[Data]:
    services: list[Data] = orjson.loads(answer)["data"]["services"]
    return services


@strawberry.type
class ServiceOperation:
    """What runs a service."""

    id: str
    name: str
    kind: OperationKind


@strawberry.type
class Service:
    """A tile."""

    id: strawberry.ID
    number: int
    theme: Theme
    kind: ServiceKind
    identity_level: int
    assurance: Assurance | None
    status: ServiceStatus
    document_id: str | None
    operations: list[ServiceOperation]
    deep_link: str
    names: strawberry.Private[Data]
    departments: strawberry.Private[Data]

    @strawberry.field
    def name(self, locale: Locale | None = None) -> str:
        """Its name in a language."""
        return str(self.names[locale.name if locale else "ZH"])

    @strawberry.field
    def department(self, locale: Locale | None = None) -> str:
        """Who answers for it."""
        return str(self.departments[locale.name if locale else "ZH"])


def services_of(rows: list[Data]) -> list[Service]:
    """The tiles as objects."""
    return [
        Service(
            id=strawberry.ID(row["id"]),
            number=row["number"],
            theme=Theme[row["theme"]],
            kind=ServiceKind[row["kind"]],
            identity_level=row["identityLevel"],
            assurance=Assurance[row["assurance"]] if row["assurance"] else None,
            status=ServiceStatus[row["status"]],
            document_id=row["documentId"],
            operations=[
                ServiceOperation(id=one["id"], name=one["name"], kind=OperationKind[one["kind"]])
                for one in row["operations"]
            ],
            deep_link=row["deepLink"],
            names=row["name"],
            departments=row["department"],
        )
        for row in rows
    ]


def schema_over(every: list[Service], **options: Any) -> strawberry.Schema:
    """The part of the product's schema that the catalogue's document asks, over these tiles."""

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

    return strawberry.Schema(Query, **options)
