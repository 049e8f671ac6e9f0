"""The manifest of notifications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="notifications",
    rooms=(
        "graphql",
        "api",
        "channels",
        "domain",
        "jobs",
        "lanes",
        "models",
        "reach",
        "routes",
        "upstream",
        "webhooks",
    ),
    migrations="migrations",
    commands={"notifications": "commands"},
)
