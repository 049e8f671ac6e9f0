"""The manifest of applications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="applications",
    rooms=(
        "graphql",
        "staff_graphql",
        "rating_graphql",
        "routes",
        "domain",
        "models",
        "versions",
        "service",
        "desk",
        "deadlines",
        "events",
        "messages",
        "texts",
        "personal_data",
    ),
    migrations="migrations",
    append_only=("applications_definition",),
)
