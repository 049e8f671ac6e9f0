"""The manifest of the kinds: what happens when a payment has ended, and the extension points."""

from core.manifest import Manifest

MANIFEST = Manifest(name="kinds", rooms=("payment", "lookup", "subscription"))
