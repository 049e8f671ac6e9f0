"""The manifest of welfare."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="welfare",
    rooms=("graphql", "service", "upstream"),
)
