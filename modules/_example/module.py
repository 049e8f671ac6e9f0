"""The manifest: where everything stands that the rest of the house needs to know.

Nothing is registered by name. What a room holds (a GraphQL type, a job, a message) is found there
by its type, and a room that does not exist refuses to start. The service itself, its tile, is a
line of `modules/services.csv`.
"""

from core.manifest import Manifest

MANIFEST = Manifest(
    name="example",
    # in the order in which the schema shows their fields
    rooms=("query", "subscription", "payment"),
    migrations="migrations",
)
