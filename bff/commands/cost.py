"""What each living service costs in lines: its own Python, documents and tests.

A service owns the folder of the root fields that its trusted document asks. Of a folder that
several services ask, each bears its share; what all services of a kind share is nobody's own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, parse

from bff.trusted.documents import Documents, TrustedDocument
from core.catalogue import Service, ServiceKind, ServiceStatus

ROOT = Path(__file__).resolve().parents[2]

AIMS: Mapping[ServiceKind, tuple[int, int]] = {
    ServiceKind.QUERY: (110, 25),
    ServiceKind.SUBSCRIPTION: (200, 30),
    ServiceKind.APPLICATION: (220, 40),
    ServiceKind.REPORT: (200, 40),
    ServiceKind.PAYMENT: (320, 30),
    ServiceKind.APPOINTMENT: (0, 10),
}
"""The lines of Python and of documents that a service of a kind should do with."""

_PLACES = ("modules.", "credit.lending.")
"""Where the folders of services are."""

_SMALL = 40
"""A manifest alone is nothing beside the services."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The lines of a service: its own, or its share of a folder."""

    service: Service
    folders: Sequence[str]
    python: int
    documents: int
    tests: int

    @property
    def is_above_aim(self) -> bool:
        """Whether it has more Python or more documents than its kind's aim."""
        python, documents = AIMS[self.service.kind]
        return self.python > python or self.documents > documents


def list_costs(
    services: Iterable[Service], documents: Documents, schema: GraphQLSchema
) -> list[Cost]:
    """The cost of every living service, in the order of their numbers."""
    folders = {
        service: _folders(document, schema)
        for service in services
        if service.status is ServiceStatus.LIVE
        and (document := documents.for_service(service.id)) is not None
    }
    return [
        Cost(
            service,
            own,
            python=_share(own, folders.values(), _own_files),
            documents=_document_lines(service.id),
            tests=_share(own, folders.values(), _test_files),
        )
        for service, own in sorted(folders.items(), key=lambda item: item[0].number)
    ]


def list_beside(costs: Iterable[Cost]) -> Mapping[str, int]:
    """The lines of Python in the folders of modules that no service's document asks.

    They stand beside the services: what several share, and nouns of their own such as invoices.
    """
    folders = {folder for cost in costs for folder in cost.folders}
    lines = {
        folder: _lines(_own_files(folder))
        for path in sorted((ROOT / "modules").glob("[!_]*/**/__init__.py"))
        if (folder := path.parent.relative_to(ROOT).as_posix()) not in folders
        and path.parent.name != "migrations"
    }
    return {folder: count for folder, count in lines.items() if count > _SMALL}


def _folders(document: TrustedDocument, schema: GraphQLSchema) -> Sequence[str]:
    """The folders whose root fields a document asks."""
    owners = {
        owner
        for definition in parse(document.source).definitions
        if isinstance(definition, OperationDefinitionNode)
        for field in definition.selection_set.selections
        if isinstance(field, FieldNode)
        for owner in _owner(schema, definition, field.name.value)
    }
    return sorted(owners)


def _owner(schema: GraphQLSchema, operation: OperationDefinitionNode, name: str) -> Iterable[str]:
    root = schema.get_root_type(operation.operation)
    field = root.fields.get(name) if root else None
    definition = field.extensions.get("strawberry-definition") if field else None
    module = getattr(getattr(definition, "origin", None), "__module__", "")
    if module.startswith(_PLACES):
        yield module.rpartition(".")[0].replace(".", "/")


def _share(
    own: Sequence[str],
    all_folders: Iterable[Sequence[str]],
    files_of: Callable[[str], Iterable[Path]],
) -> int:
    """The lines of these folders' files, each folder divided among the services that ask it."""
    everybody = list(all_folders)
    shares = (_lines(files_of(one)) / sum(one in folders for folders in everybody) for one in own)
    return round(sum(shares))


def _own_files(folder: str) -> Iterable[Path]:
    return (ROOT / folder).glob("*.py")


def _test_files(folder: str) -> Iterable[Path]:
    """Tests stand in a folder of the same name, or beside those of the module's other services."""
    beside = ROOT / "tests" / folder
    return [*beside.glob("*.py"), *beside.parent.glob(f"test_{beside.name}*.py")]


def _document_lines(service_id: str) -> int:
    places = (ROOT / "modules", ROOT / "credit")
    return sum(_lines(place.rglob(f"documents/{service_id}.*")) for place in places)


def _lines(files: Iterable[Path]) -> int:
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
