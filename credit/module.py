"""The manifest of credit."""

from core.manifest import Manifest

MANIFEST = Manifest(name="credit", commands={"credit": "commands.main"})
