"""The conversion of arguments that is prepared for a field agrees with Strawberry's own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.relay import GlobalID
from strawberry.types.arguments import convert_arguments

from bff.compiler.inputs import conversion_of


@strawberry.enum
class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@strawberry.input
class Box:
    width_mm: int
    size: Size = Size.SMALL
    label: str | None = None
    mark: str | None = strawberry.UNSET
    within: Box | None = None
    beside: list[Box] | None = None
    weights: list[list[float | None]] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def ask(
        self,
        first_box: Box,
        boxes: list[Box | None] | None = None,
        sizes: list[Size] | None = None,
        name: str | None = None,
        perhaps: strawberry.Maybe[int] = None,
        node: GlobalID | None = None,
    ) -> str:
        return ""


SCHEMA: Any = strawberry.Schema(Query)
(FIELD,) = SCHEMA.schema_converter.type_map["Query"].definition.fields
BOX = {"widthMm": 3}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"firstBox": BOX, "name": "n", "perhaps": 3, "node": "Qm94OjE="},
        {"firstBox": BOX | {"size": Size.LARGE, "label": None, "mark": None, "within": BOX}},
        {"firstBox": BOX | {"beside": [BOX, BOX | {"weights": [[1.0, None], []]}]}},
        {"boxes": [BOX, None], "sizes": [Size.SMALL], "name": None, "node": None},
        {"boxes": None, "sizes": [], "firstBox": BOX | {"mark": "m", "beside": None}},
    ],
)
def test_it_makes_what_strawberry_makes(values: Mapping[str, Any]) -> None:
    theirs = convert_arguments(
        dict(values),
        FIELD.arguments,
        scalar_registry=SCHEMA.schema_converter.scalar_registry,
        config=SCHEMA.config,
    )
    assert conversion_of(FIELD.arguments, SCHEMA)(values) == theirs


def test_a_list_is_the_resolvers_own() -> None:
    """graphql-core gives the same default to every request."""
    given = {"sizes": [Size.SMALL]}
    made = conversion_of(FIELD.arguments, SCHEMA)(given)
    assert made == given
    assert made["sizes"] is not given["sizes"]
