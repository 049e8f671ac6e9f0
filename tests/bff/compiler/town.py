"""A schema with every kind of field the compiler knows, over data that misbehaves on order."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import enum
import random
import uuid
from collections.abc import Generator
from typing import Annotated, Any, NewType

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig


class Later:
    """A value that arrives after some turns of the event loop, or an exception that does."""

    def __init__(self, value: Any, turns: int) -> None:
        self.value, self.turns = value, turns

    def __await__(self) -> Generator[Any, None, Any]:
        return self._arrive().__await__()

    async def _arrive(self) -> Any:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return outcome(self.value)


def outcome(value: Any) -> Any:
    """What a resolver does with a value: raise it if it is an exception."""
    if isinstance(value, Exception):
        raise value
    return value


class Town:
    """The context of one execution: a loader, a permission, and a record of loads."""

    def __init__(self, people: list[Any], allowed: bool) -> None:
        self.people = people
        self.allowed = allowed
        self.loads: list[list[int]] = []
        self.loader: DataLoader[int, Any] = DataLoader(load_fn=self._load)

    async def _load(self, keys: list[int]) -> list[Any]:
        self.loads.append(keys)
        await asyncio.sleep(0)
        return [
            ValueError(f"no person {key}") if key % 7 == 3 else self.people[key % len(self.people)]
            for key in keys
        ]


class IsAllowed(BasePermission):
    message = "not allowed"
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return bool(info.context.allowed)


class IsAllowedLater(BasePermission):
    message = "not allowed later"

    async def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        await asyncio.sleep(0)
        return bool(info.context.allowed)


Fen = NewType("Fen", int)


def _serialize_fen(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"no amount: {value!r}")
    return value


@strawberry.enum
class Mood(enum.Enum):
    HAPPY = "happy"
    SAD = "sad"
    ODD = strawberry.enum_value("odd", name="STRANGE")


@strawberry.input
class Filter:
    name: str = "any"
    ages: list[int] | None = None
    mood: Mood | None = None


@strawberry.interface
class Node:
    id: strawberry.ID
    label: str | None


@strawberry.interface
class Keyed:
    """An interface that names the type itself."""

    key: int

    @classmethod
    def resolve_type(cls, value: Any, info: Any, _type: Any) -> str:
        return "Box" if isinstance(value, dict | Box) else "Nothing"


@strawberry.type
class Box(Keyed):
    """A type that anything with a key belongs to."""

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return hasattr(value, "key")


@strawberry.type
class Shop(Node):
    fen: Fen
    owner: Person | None


@strawberry.type
class Tram:
    line: int
    late: bool | None
    driver: Person


@strawberry.type
class Person(Node):
    name: str
    nick: str | None
    age: int
    height: float
    weight: float | None
    alive: bool
    mood: Mood
    mood2: Mood | None
    born: datetime.date
    seen_at: datetime.datetime | None
    code: uuid.UUID
    wealth: decimal.Decimal
    fen: Fen
    fen2: Fen | None
    blob: JSON | None
    tags: list[str]
    tags2: list[str | None] | None
    moods: list[Mood]
    matrix: list[list[int]]
    matrix2: list[list[int | None] | None] | None
    friend: Person | None
    boss: Person
    friends: list[Person]
    pals: list[Person | None] | None
    groups: list[list[Person | None]]
    thing: Thing | None
    things: list[Thing]
    node: Node | None
    nodes: list[Node | None]
    box: Keyed | None
    tram: Tram
    hidden: strawberry.Private[dict[str, Any]]

    @strawberry.field
    def greet(self, greeting: str = "hi", times: int = 1, mood: Mood | None = None) -> str:
        return f"{greeting * times} {mood} {outcome(self.hidden['greet'])}"

    @strawberry.field
    def quiet(self) -> int | None:
        result: int | None = outcome(self.hidden["quiet"])
        return result

    @strawberry.field
    def where(self, info: strawberry.Info, note: str | None = strawberry.UNSET) -> str:
        names = sorted(s.alias or s.name for f in info.selected_fields for s in f.selections)  # type: ignore[union-attr]
        return f"{info.path.as_list()} {info.field_name} {note!r} {names} {info.variable_values}"

    @strawberry.field
    def search(self, filter: Filter, more: list[Filter] | None = None) -> str:
        text = f"{filter} {more}"
        filter.name = "changed"
        return text

    @strawberry.field
    async def later(self, turns: int = 1) -> str | None:
        return await Later(self.hidden["later"], turns % 4)

    @strawberry.field
    async def surely(self) -> str:
        return await Later(self.hidden["surely"], 2)

    @strawberry.field
    async def companion(self) -> Person | None:
        return await Later(self.hidden["companion"], 1)

    @strawberry.field
    async def crowd(self, info: strawberry.Info) -> list[Person | None]:
        return await Later(self.hidden["crowd"], 1)

    @strawberry.field
    def sync_crowd(self) -> list[Person]:
        result: list[Person] = outcome(self.hidden["crowd"])
        return result

    @strawberry.field
    def loaded(self, info: strawberry.Info, number: int = 0) -> Person | None:
        return info.context.loader.load(self.hidden["number"] + number)  # type: ignore[no-any-return]

    @strawberry.field
    async def loaded_many(self, info: strawberry.Info) -> list[Person]:
        number = self.hidden["number"]
        return await info.context.loader.load_many([number, number + 1])  # type: ignore[no-any-return]

    @strawberry.field
    async def any_node(self) -> Node:
        return await Later(self.hidden["node"], 1)

    @strawberry.field
    def some_things(self) -> list[Thing | None] | None:
        result: list[Any] | None = outcome(self.hidden["things"])
        return result

    @strawberry.field(permission_classes=[IsAllowed])
    def secret(self) -> str | None:
        return f"secret of {self.hidden['number']}"

    @strawberry.field(permission_classes=[IsAllowedLater])
    async def secret_later(self) -> str:
        return "secret"

    guarded: str | None = strawberry.field(permission_classes=[IsAllowed], default="guarded")

    @strawberry.field
    @staticmethod
    def motto(parent: strawberry.Parent[Person], loud: bool = False) -> str:
        return f"{parent.hidden['number']} {loud}"


Thing = Annotated[Person | Shop | Tram, strawberry.union("Thing")]


@strawberry.type
class Query:
    hello: str = "hello"
    town: strawberry.Private[Any] = None

    @strawberry.field
    def person(self, info: strawberry.Info, number: int = 0) -> Person | None:
        people = info.context.people
        return people[number % len(people)]  # type: ignore[no-any-return]

    @strawberry.field
    async def sure(self, info: strawberry.Info, number: int = 0) -> Person:
        people = info.context.people
        return await Later(people[number % len(people)], number % 3)

    @strawberry.field
    def everyone(self, info: strawberry.Info) -> list[Person]:
        return info.context.people  # type: ignore[no-any-return]

    @strawberry.field
    async def maybe(self, info: strawberry.Info) -> list[Person | None] | None:
        return info.context.people  # type: ignore[no-any-return]

    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing | None] | None:
        return [thing for person in info.context.people for thing in person.hidden["things"] or ()]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def rename(self, info: strawberry.Info, number: int, name: str) -> Person | None:
        person = info.context.people[number % len(info.context.people)]
        await asyncio.sleep(0)
        person.name = name
        return person  # type: ignore[no-any-return]

    @strawberry.mutation
    def recount(self, info: strawberry.Info, by: int = 1) -> int:
        person = info.context.people[0]
        person.hidden["number"] += by
        return outcome(person.hidden["quiet"]) or person.hidden["number"]  # type: ignore[no-any-return]


TOWN = strawberry.Schema(
    Query,
    Mutation,
    types=[Box],
    config=StrawberryConfig(
        scalar_map={Fen: strawberry.scalar(name="Fen", serialize=_serialize_fen)}
    ),
)
SCHEMA = TOWN._schema


class RefusalError(Exception):
    """An error with extensions, as the product's own have."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.extensions = {"code": message.upper()}


class Flawed:
    """Draws values for attributes: mostly right, at a given rate of every kind of wrong."""

    def __init__(self, seed: int, flaw_rate: float, later_rate: float) -> None:
        self.random = random.Random(seed)
        self.flaw_rate = flaw_rate
        self.later_rate = later_rate

    def value(self, right: Any) -> Any:
        roll = self.random.random()
        if roll < self.flaw_rate:
            return self.random.choice(
                [
                    *(None, None, "text", "", 7, -1, 2**40, 1.5, float("nan"), True, [], {}),
                    *(object, ValueError("a value"), RefusalError("failed"), b"bytes", Mood.SAD),
                ]
            )
        if roll < self.flaw_rate + self.later_rate:
            flawed = right if self.random.random() < 0.8 else RefusalError("failed later")
            return Later(flawed, self.random.randrange(3))
        return right

    def call(self, right: Any) -> Any:
        """A value for a resolver to return, raise or return late."""
        roll = self.random.random()
        if roll < self.flaw_rate:
            return self.random.choice([None, RefusalError("refused"), ValueError("broken"), 3])
        return right

    def container(self, items: list[Any]) -> Any:
        roll = self.random.random()
        if roll < self.flaw_rate / 2:
            return self.random.choice([iter(items), set(), "text", None, (i for i in items)])
        return tuple(items) if roll < 0.3 else items


def town(seed: int, flaw_rate: float, later_rate: float) -> Town:
    """The same people with the same flaws for the same seed, built anew at each call."""
    flawed = Flawed(seed, flaw_rate, later_rate)
    rng = flawed.random
    people = [Person.__new__(Person) for _ in range(6)]
    shops = [Shop.__new__(Shop) for _ in range(3)]
    trams = [Tram.__new__(Tram) for _ in range(3)]
    boxes: list[Any] = [Box(key=1), {"key": 2}, object()]

    def some(pool: list[Any]) -> Any:
        return flawed.value(rng.choice(pool))

    def many(pool: list[Any]) -> Any:
        return flawed.container([some(pool) for _ in range(rng.randrange(4))])

    everything = [*people, *shops, *trams]
    for number, shop in enumerate(shops):
        shop.id, shop.label = strawberry.ID(f"shop-{number}"), flawed.value("shop")
        shop.fen, shop.owner = flawed.value(Fen(number)), some(people)
    for number, tram in enumerate(trams):
        tram.line, tram.late, tram.driver = number, flawed.value(True), some(people)
    for number, person in enumerate(people):
        _fill(person, number, flawed)
        for name in ("friend", "boss"):
            setattr(person, name, some(people))
        person.friends, person.pals = many(people), many(people)
        person.groups = flawed.container([many(people) for _ in range(2)])
        person.thing, person.things = some(everything), many(everything)
        person.node, person.nodes = some([*people, *shops]), many([*people, *shops])
        person.box, person.tram = some(boxes), some(trams)
        person.hidden = {
            "number": number,
            "greet": flawed.call("you"),
            "quiet": flawed.call(number),
            "later": flawed.call("later"),
            "surely": flawed.call("surely"),
            "companion": flawed.call(rng.choice(people)),
            "crowd": flawed.call(many(people)),
            "node": flawed.call(some([*people, *shops])),
            "things": many(everything),
        }
        if rng.random() < flaw_rate:
            del person.age
    return Town([*people, None] if rng.random() < flaw_rate else people, rng.random() < 0.7)


def _fill(person: Any, number: int, flawed: Flawed) -> None:
    rng = flawed.random
    right: dict[str, Any] = {
        "id": str(number),
        "label": f"person {number}",
        "name": f"名字 {number}",
        "nick": rng.choice([None, "nick"]),
        "age": number,
        "height": 1.5,
        "weight": rng.choice([None, 70, 70.5]),
        "alive": True,
        "mood": rng.choice(list(Mood)),
        "mood2": rng.choice([None, Mood.SAD, "happy"]),
        "born": datetime.date(2000, 1, 1),
        "seen_at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "code": uuid.UUID(int=number),
        "wealth": decimal.Decimal("1.50"),
        "fen": Fen(number),
        "fen2": rng.choice([None, Fen(1)]),
        "blob": {"a": [1, None, "x"]},
        "tags": flawed.container([flawed.value("tag") for _ in range(2)]),
        "tags2": flawed.container(["a", None]),
        "moods": flawed.container([flawed.value(Mood.HAPPY)]),
        "matrix": flawed.container([[1, 2], flawed.value([3])]),
        "matrix2": [[1, None, flawed.value(2)], None],
        "guarded": "guarded",
    }
    for name, value in right.items():
        setattr(person, name, flawed.value(value))


# The annotations above are strings; these names complete them.
__all__ = ["SCHEMA", "TOWN", "Later", "RefusalError", "Town", "outcome", "town"]
