"""The manifest: where everything stands that the rest of the house needs to know.

Nothing is registered by name. What a room holds (a GraphQL type, a job, a message, a card of the
home screen) is found there by its type, and a room that does not exist refuses to start. The
service itself, its tile, is a line of `modules/services.csv`.
"""

from core.manifest import Manifest

MANIFEST = Manifest(
    # the prefix of tables, job kinds, templates: one word for one module
    name="example",
    # in the order in which the schema shows their fields
    rooms=("graphql", "upstream", "subscription", "models"),
    migrations="migrations",
)
