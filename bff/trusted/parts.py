"""What an answer says of how its parts were read."""

from collections.abc import Iterator, Mapping
from typing import Any


def parts_of(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object of an answer with its path, the outer ones first; what stands in a list is none:
    it is what was read, and does not tell how."""
    for name, value in data.items():
        if isinstance(value, dict):
            inner = f"{path}.{name}" if path else name
            yield inner, value
            yield from parts_of(value, inner)
