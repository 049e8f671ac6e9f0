"""The manifest of notifications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="notifications",
    rooms=(
        "graphql",
        "announcements",
        "api",
        "campaigns",
        "channels",
        "domain",
        "jobs",
        "lanes",
        "models",
        "operations",
        "reach",
        "routes",
        "upstream",
        "webhooks",
    ),
    migrations="migrations",
    commands={"notifications": "commands"},
)
