"""The manifest of the kinds: what happens when a payment has ended, the lookups of all modules."""

from core.manifest import Manifest

MANIFEST = Manifest(name="kinds", rooms=("payment", "lookup"))
