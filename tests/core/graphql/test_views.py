"""GraphQL types out of described dataclasses: the rule of each Python type, and how they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import orjson
import pytest
import strawberry
from graphql import parse
from strawberry.schema.config import StrawberryConfig

from bff.compiler import compile_document
from core.clock import ensure_utc
from core.graphql import SCALARS, HomeSection, reading_view, view
from core.texts import Locale, Named
from core.upstream.readings import Reading, ReadStatus
from core.upstream.records import Records
from tests.bff.compiler.twins import Twins
from tests.conftest import NOON

LAMP_ID = UUID("018f0000-0000-7000-8000-000000000001")


class LampState(StrEnum):
    """ON: it shines. OFF: it does not."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Bulb:
    """What shines in a lamp."""

    price_fen: Annotated[int, "What another costs."]


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp of the street.

    This paragraph is for those who read the code.
    """

    lamp_ref: Annotated[str, "The network's id."]
    id: Annotated[UUID, "Our own id."]
    name: Annotated[Named, "Where it stands."]
    nickname: Annotated[Named | None, "What people call it."]
    state: Annotated[LampState, "Whether it shines."]
    bulb: Annotated[Bulb | None, "What shines."]
    spares: Annotated[Sequence[Bulb], "What is kept for it."]
    rent_fen: Annotated[int | None, "A month's rent; null where it is the city's."]
    since_on: Annotated[date, "When it was put up."]
    secret: str = ""

    @property
    def worth_fen(self) -> Annotated[int, "All its bulbs together."]:
        """The sum."""
        return sum(bulb.price_fen for bulb in self.spares)

    @property
    def is_loved(self) -> bool:
        """No description: not shown."""
        return self.nickname is not None


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class LampSection(HomeSection):
    """The card of a lamp."""

    lit_fen: Annotated[int, "What its light costs."]


view(Lamp, name="StreetLamp", names={"lamp_ref": "ref"}, hidden=("secret",))
Lamps = reading_view("Lamps", "The lamps.", items=Annotated[Sequence[Lamp], "All of them."])
LampRecords = reading_view("LampRecords", "Found.", items=Annotated[Records[Lamp], "All."])
OneLamp = reading_view("OneLamp", "A lamp.", lamp=Annotated[Lamp, "The lamp."])


@strawberry.type
class Query:
    """The town's lamps, from the root value."""

    lamps: Lamps = strawberry.field(description="All.")  # type: ignore[valid-type]
    found: LampRecords = strawberry.field(description="Found.")  # type: ignore[valid-type]
    lamp: OneLamp = strawberry.field(description="One.")  # type: ignore[valid-type]
    cards: list[HomeSection] = strawberry.field(description="Cards.")


SCHEMA = strawberry.Schema(Query, types=[LampSection], config=StrawberryConfig(scalar_map=SCALARS))
LAMP = Lamp(
    "L/1", LAMP_ID, Named("泉城路", "Spring road"), None, LampState.ON, Bulb(200),
    (Bulb(100), Bulb(250)), None, date(2026, 1, 2),
)  # fmt: skip
DOCUMENT = """{
  lamps { status asOf reason items { ref id name nickname state rent worth sinceOn
    bulb { price } spares { price } } }
  found { unreadable items { ref } }
  lamp { status lamp { name } }
  cards { __typename id status ... on LampSection { lit } }
}"""


def _world(locale: Locale = Locale.EN) -> tuple[Any, Any]:
    now = ensure_utc(NOON)
    card = LampSection(
        id="lamp", title="Lamp", status=ReadStatus.LIVE, as_of=now, reason=None, lit_fen=5
    )
    root = SimpleNamespace(
        lamps=Reading(ReadStatus.LIVE, [LAMP], now, None),
        found=Reading(ReadStatus.LIVE, Records([LAMP], unreadable=2), now, None),
        lamp=Reading[Lamp](ReadStatus.UNAVAILABLE, None, None, "TIMEOUT"),
        cards=[card],
    )
    return root, SimpleNamespace(locale=locale)


def test_the_schema_says_what_the_dataclasses_say() -> None:
    text = SCHEMA.as_str()
    for part in (
        '"""A lamp of the street."""\ntype StreetLamp {',
        '"""The network\'s id."""\n  ref: ID!',
        '"""Our own id."""\n  id: ID!',
        '"""Where it stands."""\n  name: String!',
        '"""What people call it."""\n  nickname: String\n',
        '"""ON: it shines. OFF: it does not."""\nenum LampState {',
        "  bulb: Bulb\n",
        "  spares: [Bulb!]!\n",
        '"""A month\'s rent; null where it is the city\'s."""\n  rent: Fen\n',
        '"""All its bulbs together."""\n  worth: Fen!',
        "  sinceOn: Date!",
        '"""Where the answer comes from."""\n  status: ReadStatus!',
        '"""All of them."""\n  items: [StreetLamp!]!',
        '"""The lamp."""\n  lamp: StreetLamp\n',
        "type LampSection implements HomeSection {",
    ):
        assert part in text, part
    assert "secret" not in text and "isLoved" not in text


@pytest.mark.parametrize("locale", Locale)
async def test_both_executors_answer_with_the_objects_themselves(locale: Locale) -> None:
    body = await Twins(SCHEMA._schema, DOCUMENT).agree({}, lambda: _world(locale))
    data = orjson.loads(body)["data"]
    assert data["lamps"]["items"] == [
        {
            "ref": "L/1",
            "id": str(LAMP_ID),
            "name": "泉城路" if locale is Locale.ZH else "Spring road",
            "nickname": None,
            "state": "ON",
            "rent": None,
            "worth": 350,
            "sinceOn": "2026-01-02",
            "bulb": {"price": 200},
            "spares": [{"price": 100}, {"price": 250}],
        }
    ]
    assert data["found"] == {"unreadable": 2, "items": [{"ref": "L/1"}]}
    assert data["lamp"] == {"status": "UNAVAILABLE", "lamp": None}
    card = {"__typename": "LampSection", "id": "lamp", "status": "LIVE", "lit": 5}
    assert data["cards"] == [card]


def test_it_compiles_to_attribute_reads() -> None:
    source = compile_document(SCHEMA._schema, parse(DOCUMENT)).source
    for read in (".rent_fen", ".worth_fen", ".lamp_ref", ".items", ".name.say", ".lit_fen"):
        assert read.replace(".name.say", ".say(run.context.locale)") in source, read
    # no resolver is called, below the root or at it
    assert "run.call(" not in source and "resolve_" not in source


@dataclass(frozen=True, slots=True)
class Bare:
    """A field of this has no description."""

    weight: int


class Mood(StrEnum):
    """GOOD alone is described."""

    GOOD = "GOOD"
    BAD = "BAD"


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that no rule covers."""

    parts: Annotated[dict[str, int], "A mapping."]


@dataclass(frozen=True, slots=True)
class Mute:
    weight: Annotated[int, "Described; the class is not."]


@pytest.mark.parametrize(
    ("cls", "fault"),
    [
        (Bare, "Bare.weight has no description"),
        (Mood, r"Mood: the docstring does not describe \['BAD'\]"),
        (Odd, "parts: no GraphQL type for dict"),
        (Mute, "Mute has no docstring"),
        (Query, "has no description"),
    ],
)
def test_what_is_not_described_is_refused(cls: type, fault: str) -> None:
    with pytest.raises(TypeError, match=fault):
        view(cls)
