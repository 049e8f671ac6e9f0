"""What the rooms of the wings hold, found by its type.

A declaration (a job, a purpose, a home card) is an object at the top level of a room. Nobody
registers it: who needs declarations of a type declares an `ExtensionPoint` for them and asks it.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from core.errors import StartError
from core.manifest import Manifest, refuse_duplicates

T = TypeVar("T")


@dataclass(frozen=True)
class ExtensionPoint(Generic[T]):
    """All declarations of one type, whichever room they are in.

    `key` names a declaration; two of one key refuse to start. A class is no declaration, even where
    `held` is a Protocol and the class has all that it asks for.
    """

    name: str
    held: type[T]
    key: Callable[[T], Hashable]

    def owned(self, manifests: Sequence[Manifest]) -> list[tuple[Manifest, T]]:
        """Every declaration with the wing that holds it, in the order of wings and rooms.

        Raises StartError where two have one key, and for a room that does not exist.
        """
        return list(_owned(self, tuple(manifests)))

    def of(self, manifests: Sequence[Manifest]) -> list[T]:
        """Every declaration. Raises as `owned` does."""
        return [item for _, item in self.owned(manifests)]


def points_of(manifests: Sequence[Manifest]) -> list["ExtensionPoint[object]"]:
    """The extension points that rooms declare or use. Raises StartError for two of one name."""
    items = (item for _, item in _distinct(tuple(manifests)))
    points = [item for item in items if isinstance(item, ExtensionPoint)]
    refuse_duplicates("extension point", [point.name for point in points])
    return points


@lru_cache
def classes_of(manifest: Manifest) -> tuple[type, ...]:
    """The public classes that a wing's rooms define, in the order of rooms and lines."""
    return tuple(
        item
        for room in room_names(manifest)
        for item in _public(room)
        if isinstance(item, type) and item.__module__ == room
    )


@lru_cache
def room_names(manifest: Manifest) -> tuple[str, ...]:
    """The full names of a wing's rooms, those inside a package with it; nothing is imported but
    packages. Raises StartError for a room that does not exist."""
    names: dict[str, None] = {}
    for room in manifest.rooms:
        names |= dict.fromkeys(_walk(require_module(manifest, room)))
    return tuple(names)


def models_of(manifest: Manifest) -> list[str]:
    """The rooms that hold a wing's tables: those named `models`."""
    return [room for room in room_names(manifest) if room.rpartition(".")[2] == "models"]


def require_module(manifest: Manifest, name: str) -> str:
    """The full name of a wing's module. Raises StartError where there is none."""
    module = manifest.within(name)
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise StartError(f"{manifest.package}.module: there is no {module}")
    return module


def _walk(module: str) -> Iterator[str]:
    yield module
    spec = importlib.util.find_spec(module)
    assert spec is not None
    for inner in pkgutil.iter_modules(spec.submodule_search_locations or ()):
        yield from _walk(f"{module}.{inner.name}")


@lru_cache(maxsize=256)
def _owned(
    point: ExtensionPoint[Any], manifests: tuple[Manifest, ...]
) -> tuple[tuple[Manifest, Any], ...]:
    found = tuple(
        (manifest, item)
        for manifest, item in _distinct(manifests)
        if not isinstance(item, type) and isinstance(item, point.held)  # most are classes
    )
    refuse_duplicates(point.name, [point.key(item) for _, item in found])
    return found


@lru_cache(maxsize=4)
def _distinct(manifests: tuple[Manifest, ...]) -> tuple[tuple[Manifest, object], ...]:
    """Every object of every room once, by the wing that comes first: rooms import from others."""
    found: dict[int, tuple[Manifest, object]] = {}
    for manifest in manifests:
        for room in room_names(manifest):
            for item in _public(room):
                found.setdefault(id(item), (manifest, item))
    return tuple(found.values())


def _public(room: str) -> Iterator[object]:
    """What is at the top level of a room, and what is in its tuples."""
    for name, item in vars(importlib.import_module(room)).items():
        if not name.startswith("_"):
            yield item
            if isinstance(item, tuple):
                yield from item
