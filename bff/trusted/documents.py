"""Trusted documents: the GraphQL operations that ship with the apps, known by their hash.

`<module>/documents/<service-id>.graphql` runs a service, `bff/documents/` holds the app's own
screens; beside each stands a `.json` with example variables that run against the seeded city, and
what the document may ask of the database and of other systems.
Those are the next version's. What versions in the field were built with stands in `bff/shipped/`.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from bff.limits.admission import Priority
from bff.trusted.shipped import ShippedDocument, document_id, read_shipped
from core.manifest import Manifest, ServiceKind, Theme
from core.telemetry.call_counts import Tally

AT_MOST = "$atMost"
"""Beside the example variables: what each operation may ask of the database and of other systems,
as {"operation": {"sql": 4, "upstream": 1}}."""

NEXT = "next"
"""The app version that is not released yet: it ships our documents as they stand."""


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """An operation of an app. `id` is what apps send: "sha256:" and the hash of its text, or what
    the manifest of their own build says."""

    id: str
    name: str
    package: str
    source: str
    variables: Mapping[str, Any] = field(compare=False)
    priority: Priority = Priority.NORMAL
    apps: tuple[str, ...] = (NEXT,)
    """The app versions that ship it."""

    @property
    def example_path(self) -> str:
        """Where its example variables stand, from the root of the tree."""
        return f"{self.package.replace('.', '/')}/documents/{self.name}.json"

    @property
    def at_most(self) -> Mapping[str, Tally]:
        """What each operation may ask of the database and of other systems.

        Raises TypeError for a declaration of another form.
        """
        return {name: Tally(**calls) for name, calls in self.variables.get(AT_MOST, {}).items()}


@dataclass(frozen=True)
class Documents:
    """All trusted documents: by every id that apps send, and the present ones by name."""

    by_id: Mapping[str, TrustedDocument]
    by_name: Mapping[str, TrustedDocument]

    def for_service(self, service_id: str) -> TrustedDocument | None:
        """The document that runs a service."""
        return self.by_name.get(service_id)

    @property
    def apps(self) -> frozenset[str]:
        """Every app version that ships a document."""
        return frozenset(app for document in self.by_id.values() for app in document.apps)


def documents_of(manifests: Sequence[Manifest]) -> Documents:
    """The documents of these wings and of the apps in the field.

    Raises ValueError where two present ones have one name.
    """
    return _read(tuple(manifests))


@lru_cache(maxsize=4)
def _read(manifests: tuple[Manifest, ...]) -> Documents:
    present: dict[str, TrustedDocument] = {}
    for manifest in manifests:
        for path in sorted(_folder(manifest).glob("*.graphql")):
            if path.stem in present:
                raise ValueError(f"two documents are named {path.stem}")
            present[path.stem] = _document(path, manifest)
    by_id = {document.id: document for document in present.values()}
    for app, shipped in read_shipped().items():
        for one in shipped:
            by_id[one.id] = _in_field(app, one, present.get(one.name), by_id.get(one.id))
    return Documents(by_id, {name: by_id[document.id] for name, document in present.items()})


def _in_field(
    app: str,
    shipped: ShippedDocument,
    ours: TrustedDocument | None,
    known: TrustedDocument | None,
) -> TrustedDocument:
    """A document of a released app; it keeps the importance of ours of the same name."""
    if known is not None:
        return replace(known, apps=(*known.apps, app))
    return TrustedDocument(
        id=shipped.id,
        name=shipped.name,
        package=ours.package if ours else "",
        source=shipped.source,
        variables=ours.variables if ours else {},
        priority=ours.priority if ours else Priority.NORMAL,
        apps=(app,),
    )


def _document(path: Path, manifest: Manifest) -> TrustedDocument:
    source = path.read_text(encoding="utf-8")
    example = path.with_suffix(".json")
    return TrustedDocument(
        id=document_id(source),
        name=path.stem,
        package=manifest.package,
        source=source,
        variables=orjson.loads(example.read_bytes()) if example.exists() else {},
        priority=_priority(path.stem, manifest),
    )


def _priority(name: str, manifest: Manifest) -> Priority:
    """Money and safety are shed last."""
    tile = next((service for service in manifest.services if service.id == name), None)
    is_money = manifest.name in ("payments", "credit") or (
        tile is not None and tile.kind is ServiceKind.PAYMENT
    )
    is_safety = tile is not None and tile.theme is Theme.SAFETY
    return Priority.CRITICAL if is_money or is_safety else Priority.NORMAL


def _folder(manifest: Manifest) -> Path:
    spec = importlib.util.find_spec(manifest.package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "documents"
