"""The manifest of the edge: its own screens and commands."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="bff",
    rooms=("screens.catalogue", "screens.home", "models", "probe.models"),
    migrations="migrations",
    commands={
        "playground": "playground.cli",
        "schema": "commands.schema",
        "documents": "commands.documents",
        "services": "commands.services",
        "demo": "commands.demo",
        "new": "commands.new_service",
        "generate": "commands.generate",
    },
)
