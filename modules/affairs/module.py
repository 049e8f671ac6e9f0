"""The manifest of affairs: one folder for each service, and what several of them share."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="affairs",
    rooms=(
        "registry",
        "items",
        "licences",
        "papers",
        "results",
        "outlets",
        "verifiers",
        "residence.definition",
        "cases.definition",
        "rating.definition",
        "models",
        "jobs",
    ),
    migrations="migrations",
    commands={"verifiers": "verifiers.commands"},
)
