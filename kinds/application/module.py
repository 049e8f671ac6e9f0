"""The manifest of applications."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="applications",
    rooms=(
        "graphql",
        "staff_graphql",
        "domain",
        "models",
        "versions",
        "service",
        "desk",
        "deadlines",
        "messages",
        "personal_data",
    ),
    migrations="migrations",
    append_only=("applications_definition",),
)
