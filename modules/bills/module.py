"""The manifest of bills."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="bills",
    rooms=(
        "graphql",
        "upstream",
        "models",
        "messages",
        "payable",
        "settlements",
        "personal_data",
        "reminders",
        "autopay",
        "outages",
        "invoices",
    ),
    migrations="migrations",
)
