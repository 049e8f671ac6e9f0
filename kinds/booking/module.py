"""The manifest of booking; its label stays that of its tables and of what clients know."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="appointments",
    rooms=(
        "graphql",
        "staff_graphql",
        "domain",
        "models",
        "people",
        "personal_data",
        "texts",
        "fees",
        "allocator",
        "bans",
        "queue",
        "waiting",
        "messages",
        "refunds",
        "visits",
        "jobs",
        "comparison",
        "publishing",
        "closures",
        "sources",
    ),
    migrations="migrations",
    commands={"appointments": "commands"},
)
