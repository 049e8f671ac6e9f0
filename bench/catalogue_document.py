"""The product's own catalogue in the hands of other servers: its document, and its data as a file.

Names and departments are resolvers with an argument everywhere, as they are with us. The file is
written from our own answers in both languages; CATALOGUE_FILE tells a server where it is.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import strawberry

from bff.screens.catalogue import OperationKind
from bff.trusted.documents import TrustedOperation, documents_of
from core.catalogue import ServiceKind, ServiceStatus, Theme
from core.manifest import discover
from core.texts import Locale

FILE = "CATALOGUE_FILE"

Data = Mapping[str, Any]


def catalogue() -> TrustedOperation:
    """The operation as apps send it."""
    (operation,) = documents_of(discover()).by_name["catalogue"].operations
    return operation


def write_data(path: Path, chinese: bytes, english: bytes) -> None:
    """Write what peers answer from: our answer in two languages."""
    pairs = zip(_services(chinese), _services(english), strict=True)
    rows = [
        {
            **zh,
            "name": {"ZH": zh["name"], "EN": en["name"]},
            "department": {"ZH": zh["department"], "EN": en["department"]},
        }
        for zh, en in pairs
    ]
    path.write_bytes(orjson.dumps(rows))


def read_data() -> list[Data]:
    """What a server answers from."""
    rows: list[Data] = orjson.loads(Path(os.environ[FILE]).read_bytes())
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
