"""The manifest of the edge: its own screens and commands."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="bff",
    queries=("bff.screens.catalogue:Query", "bff.screens.home:Query"),
    types=("bff.screens.home:UnavailableSection",),
    models=("bff.models",),
    migrations="bff.migrations",
    commands=(
        ("playground", "bff.playground.cli:app"),
        ("schema", "bff.commands.schema:app"),
        ("documents", "bff.commands.documents:app"),
        ("services", "bff.commands.services:app"),
        ("demo", "bff.commands.demo:app"),
    ),
)
