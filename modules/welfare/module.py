"""The manifest of welfare."""

from core.manifest import Manifest
from modules.welfare.upstream import CENTRE

MANIFEST = Manifest(
    name="welfare",
    rooms=("graphql", "service"),
    upstreams=(CENTRE,),
)
