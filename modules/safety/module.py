"""The manifest of safety."""

from core.manifest import Manifest

MANIFEST = Manifest(name="safety", rooms=("shelters",))
