"""Trusted documents: the GraphQL operations that ship with the apps, known by their hash.

`<module>/documents/<service-id>.graphql` runs a service, `bff/documents/` holds the app's own
screens; beside each stands a `.json` with example variables that run against the seeded city.
"""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from bff.admission import Priority
from core.manifest import Manifest, ServiceKind, Theme


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """An operation of an app. `id` is "sha256:" and the hash of its text."""

    id: str
    name: str
    package: str
    source: str
    variables: Mapping[str, Any]
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True)
class Documents:
    """All trusted documents, by id and by name."""

    by_id: Mapping[str, TrustedDocument]
    by_name: Mapping[str, TrustedDocument]

    def for_service(self, service_id: str) -> TrustedDocument | None:
        """The document that runs a service."""
        return self.by_name.get(service_id)


def document_id(source: str) -> str:
    """The id of a document's text."""
    return f"sha256:{hashlib.sha256(source.encode()).hexdigest()}"


def documents_of(manifests: Sequence[Manifest]) -> Documents:
    """The documents of these wings. Raises ValueError where two have one name."""
    return _read(tuple(manifests))


@lru_cache(maxsize=4)
def _read(manifests: tuple[Manifest, ...]) -> Documents:
    found: dict[str, TrustedDocument] = {}
    for manifest in manifests:
        for path in sorted(_folder(manifest).glob("*.graphql")):
            if path.stem in found:
                raise ValueError(f"two documents are named {path.stem}")
            found[path.stem] = _document(path, manifest)
    return Documents({document.id: document for document in found.values()}, found)


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
