"""The manifest of affairs: one folder for each service, and the registry that they share."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="affairs",
    rooms=("registry", "items", "residence.definition", "cases.definition", "rating.definition"),
)
