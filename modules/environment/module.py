"""The manifest of environment."""

from core.manifest import Manifest

MANIFEST = Manifest(name="environment", rooms=("stations",))
