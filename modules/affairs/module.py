"""The manifest of affairs."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="affairs", rooms=("residence.definition", "cases.definition", "rating.definition")
)
