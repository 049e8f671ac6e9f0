"""The manifest of safety: a folder for each service, and what those about schools share."""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="safety",
    rooms=("shelters", "schools", "gates", "video", "alerts"),
    migrations="migrations",
)
