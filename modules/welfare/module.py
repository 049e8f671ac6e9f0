"""The manifest of welfare: one folder for each service, and what the insurances have in common."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="welfare",
    rooms=(
        "housing_fund",
        "withdrawal",
        "insurance",
        "pension",
        "medical",
        "unemployment",
        "work_injury",
        "maternity",
        "overview",
    ),
)
