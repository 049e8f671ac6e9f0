"""The manifest of mobility."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="mobility",
    rooms=(
        "parking",
        "car_parks",
        "traffic",
        "fines",
        "violations",
        "objections",
        "timetable",
        "arrivals",
        "planning",
        "arrival_alerts",
        "transit",
        "models",
        "jobs",
    ),
    migrations="migrations",
    commands={"transit": "timetable.commands"},
)
