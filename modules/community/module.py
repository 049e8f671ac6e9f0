"""The manifest of community."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="community",
    rooms=("grids", "hotline.definition", "reports"),
    migrations="migrations",
)
