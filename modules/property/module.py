"""The manifest of property."""

from core.manifest import Manifest

MANIFEST = Manifest(name="property", rooms=("holdings",))
