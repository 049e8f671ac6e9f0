"""The manifest of bills."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="bills",
    rooms=(
        "graphql",
        "upstream",
        "models",
        "unlinking",
        "messages",
        "payable",
        "settlements",
        "reminders",
        "autopay",
        "outages",
        "invoices",
    ),
    migrations="migrations",
)
