"""Trusted documents: the GraphQL operations that ship with the apps, known by their hash.

`documents/<service-id>.graphql`, in any folder of a module, runs a service; `bff/documents/` holds
the app's own screens. Beside each stands a `.json` with example variables that run against the
seeded city, and what each operation may ask of the database and of other systems. A service that
runs the document of several says so there and has no `.graphql` of its own.
These are the next version's. What versions in the field were built with stands in `bff/shipped/`.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
from graphql import get_operation_ast, parse

from bff.limits.admission import Priority
from bff.trusted.composition import ComposedDocument, DocumentError, compose
from bff.trusted.shipped import ShippedOperation, document_id, read_shipped
from core.catalogue import Service, ServiceKind, Theme
from core.manifest import Manifest
from core.telemetry.call_counts import Tally

AT_MOST, NEEDS, USES = "$atMost", "$needs", "$uses"
"""Beside the example variables: what each operation may ask of the database and of other systems,
as {"operation": {"sql": 4, "upstream": 1}}."""

SHARED = "$document"
"""Beside the example variables: the document that this service shares with others. Its variables
hold where the service names none of its own."""

NEXT = "next"
"""The app version that is not released yet: it ships our documents as they stand."""

_FLOORS = ("core", "kinds")
"""Packages whose documents and fragments every wing may use, with or without a manifest."""


@dataclass(frozen=True, slots=True)
class TrustedOperation:
    """One operation with the fragments it uses. `id` is what apps send: "sha256:" and the hash of
    its text, or what the manifest of their own build says."""

    id: str
    name: str
    document: str
    """The name of the document in which it stands; services may share one."""
    source: str
    priority: Priority = Priority.NORMAL
    apps: tuple[str, ...] = (NEXT,)
    """The app versions that ship it."""

    @property
    def kind(self) -> str:
        """query, mutation or subscription. Raises GraphQLSyntaxError, DocumentError."""
        node = get_operation_ast(parse(self.source))
        if node is None:
            raise DocumentError(f"{self.name} is not one operation")
        return node.operation.value


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """What runs a service or a screen: its operations, in the order in which they are used.

    `id` is the hash of the whole text; together with an operation's name it runs that operation.
    """

    id: str
    name: str
    title: str
    source: str
    operations: tuple[TrustedOperation, ...]
    variables: Mapping[str, Any] = field(compare=False)
    example_path: str
    """Where its example variables stand, from the root of the tree."""

    @property
    def at_most(self) -> Mapping[str, Tally]:
        """What each operation may ask of the database and of other systems.

        Raises TypeError for a declaration of another form.
        """
        return {name: Tally(**calls) for name, calls in self.variables.get(AT_MOST, {}).items()}

    @property
    def needs(self) -> Sequence[str]:
        """The outside systems without which the service does not work."""
        return list(self.variables.get(NEEDS, ()))

    @property
    def uses(self) -> Sequence[str]:
        """The outside systems without which it works, but not as well."""
        return list(self.variables.get(USES, ()))


@dataclass(frozen=True)
class Documents:
    """All trusted documents: the present ones by name, operations by every id that apps send."""

    by_name: Mapping[str, TrustedDocument]
    operations: Mapping[str, TrustedOperation]
    unused: Sequence[str] = ()
    """A sentence for each fragment that no operation uses."""

    def for_service(self, service_id: str) -> TrustedDocument | None:
        """The document that runs a service."""
        return self.by_name.get(service_id)

    @property
    def apps(self) -> frozenset[str]:
        """Every app version that ships an operation."""
        return frozenset(app for operation in self.operations.values() for app in operation.apps)


def documents_of(manifests: Sequence[Manifest]) -> Documents:
    """The documents of these wings and of the apps in the field.

    Raises DocumentError where they cannot be composed, or two present ones have one name.
    """
    return _read(tuple(manifests))


def gather(
    documents: Iterable[TrustedDocument],
    shipped: Mapping[str, Sequence[ShippedOperation]],
    unused: Sequence[str] = (),
) -> Documents:
    """Present documents together with the operations of released apps.

    Raises DocumentError where one id would mean two texts.
    """
    by_name = {document.name: document for document in documents}
    by_id: dict[str, TrustedOperation] = {}
    for document in by_name.values():
        for one in document.operations:
            # services that share a text share its importance
            if one.priority > by_id.setdefault(one.id, one).priority:
                by_id[one.id] = one
    present = {operation.name: operation for operation in by_id.values()}
    for app, operations in shipped.items():
        for released in operations:
            ours, known = present.get(released.name), by_id.get(released.id)
            by_id[released.id] = _in_field(app, released, ours, known)
    return Documents(by_name, by_id, unused)


def document_of(
    file: str, source: str, variables: Mapping[str, Any] | None = None
) -> TrustedDocument:
    """The document of one file that uses no fragment of another. Raises DocumentError."""
    path = PurePosixPath(file)
    composed = compose({file: source}).documents[file]
    return _document(path.stem, path.stem, composed, variables or {}, path.with_suffix(".json"))


@lru_cache(maxsize=4)
def _read(manifests: tuple[Manifest, ...]) -> Documents:
    files = _files(manifests)
    examples = {
        file: orjson.loads(path.read_bytes())
        for file, path in files.items()
        if file.suffix == ".json"
    }
    composition = compose(
        {
            str(file): path.read_text(encoding="utf-8")
            for file, path in files.items()
            if file.suffix == ".graphql"
        }
    )
    composed = {PurePosixPath(file): one for file, one in composition.documents.items()}
    sharing = {file: example[SHARED] for file, example in examples.items() if SHARED in example}
    named = _by_name([*composed, *sharing])
    for file, name in sharing.items():
        if named.get(name) not in composed:
            raise DocumentError(f"{file}: no document is named {name}")
    tiles = {tile.id: tile for manifest in manifests for tile in manifest.services}
    documents = [
        _present(name, file, named[sharing.get(file, name)], composed, examples, tiles.get(name))
        for name, file in named.items()
        if name not in sharing.values()
    ]
    return gather(documents, read_shipped(), composition.unused)


def _present(
    name: str,
    file: PurePosixPath,
    source: PurePosixPath,
    composed: Mapping[PurePosixPath, ComposedDocument],
    examples: Mapping[PurePosixPath, Mapping[str, Any]],
    tile: Service | None,
) -> TrustedDocument:
    """The document of this name: the file's own, or that of `source`, which others share."""
    example = file.with_suffix(".json")
    variables = examples.get(example, {})
    text = composed[source]
    if source != file:
        shared = examples.get(source.with_suffix(".json"), {})
        at_most = {**shared.get(AT_MOST, {}), **variables.get(AT_MOST, {})}
        variables = {**shared, **variables, AT_MOST: at_most}
        text = replace(text, title=f"{tile.name_zh} {tile.name_en}" if tile else name)
    return _document(name, source.stem, text, variables, example, _priority(source, tile))


def _document(
    name: str,
    document: str,
    composed: ComposedDocument,
    variables: Mapping[str, Any],
    example: PurePosixPath,
    priority: Priority = Priority.NORMAL,
) -> TrustedDocument:
    return TrustedDocument(
        id=document_id(composed.source),
        name=name,
        title=composed.title or name,
        source=composed.source,
        operations=tuple(
            TrustedOperation(document_id(text), operation, document, text, priority)
            for operation, text in composed.operations.items()
        ),
        variables=variables,
        example_path=str(example),
    )


def _in_field(
    app: str,
    shipped: ShippedOperation,
    ours: TrustedOperation | None,
    known: TrustedOperation | None,
) -> TrustedOperation:
    """An operation of a released app; it keeps the importance of ours of the same name."""
    if known is not None and known.source != shipped.source:
        raise DocumentError(
            f"{app}: {shipped.name} has the id {shipped.id}, which is {known.name} of "
            f"{', '.join(known.apps)} with another text"
        )
    if known is not None:
        return replace(known, apps=(*known.apps, app))
    return TrustedOperation(
        id=shipped.id,
        name=shipped.name,
        document=ours.document if ours else shipped.name,
        source=shipped.source,
        priority=ours.priority if ours else Priority.NORMAL,
        apps=(app,),
    )


def _priority(source: PurePosixPath, tile: Service | None) -> Priority:
    """Money and safety are shed last."""
    is_money = source.parts[0] in ("payments", "credit") or (
        tile is not None and tile.kind is ServiceKind.PAYMENT
    )
    is_safety = tile is not None and tile.theme is Theme.SAFETY
    return Priority.CRITICAL if is_money or is_safety else Priority.NORMAL


def _by_name(files: Iterable[PurePosixPath]) -> Mapping[str, PurePosixPath]:
    """Documents by the names of their files. Raises DocumentError where two have one name."""
    named: dict[str, PurePosixPath] = {}
    for file in files:
        first = named.setdefault(file.stem, file)
        if first is not file:
            raise DocumentError(f"{file}: {first} has this name, too")
    return named


def _files(manifests: Iterable[Manifest]) -> Mapping[PurePosixPath, Path]:
    """The files in every `documents/` folder of these packages, by their path in the tree."""
    packages = dict.fromkeys([*_FLOORS, *(manifest.package for manifest in manifests)])
    files: dict[PurePosixPath, Path] = {}
    for package in packages:
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            folder = Path(location)
            root = folder.parents[package.count(".")]
            for path in sorted(folder.rglob("documents/*")):
                files[PurePosixPath(path.relative_to(root).as_posix())] = path
    return files
