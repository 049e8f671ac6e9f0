"""The manifest of notifications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="notifications",
    rooms=(
        "graphql",
        "api",
        "campaigns",
        "channels",
        "jobs",
        "messages",
        "operations",
        "personal_data",
        "reach",
        "routes",
        "templates",
        "webhooks",
    ),
    migrations="migrations",
    commands={"notifications": "commands"},
)
