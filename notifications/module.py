"""The manifest of notifications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="notifications",
    rooms=("graphql", "api", "domain", "jobs", "models", "upstream"),
    migrations="migrations",
)
