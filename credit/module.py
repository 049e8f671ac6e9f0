"""The manifest of credit."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="credit",
    rooms=(
        "log.models",
        "partner.models",
        "partner.routes",
        "partner.tokens",
    ),
    migrations="migrations",
    append_only=("credit_log_entry",),
    commands={"credit": "commands.main", "partner": "partner.commands"},
)
