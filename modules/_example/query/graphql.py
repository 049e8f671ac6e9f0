"""The service in GraphQL: a type of the reading, and the field that reads it."""

from typing import Annotated

import strawberry

from core.graphql import reading_view, view
from kinds.lookup import lookup_field
from modules._example.query.domain import ExampleQueryRecord
from modules._example.query.lookup import LOOKUP

view(ExampleQueryRecord)
ExampleQuery = reading_view(
    "ExampleQuery",
    "The viewer's record, and how fresh that is.",
    record=Annotated[
        ExampleQueryRecord, "The record; null where there is none or nothing can be shown."
    ],
)


@strawberry.type
class Query:
    """The service's query field."""

    example_query = lookup_field(LOOKUP, returns=ExampleQuery, description="The viewer's record.")
