"""The manifest of community."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="community",
    rooms=("grids", "hotline.definition", "reports", "open311"),
    migrations="migrations",
    commands={"open311": "open311.commands"},
)
