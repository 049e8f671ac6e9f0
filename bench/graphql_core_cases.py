"""In-process measurements of the compiler: the same data through ours and through its peers.

Every answer is compared byte for byte before anything is timed. A value is the median of many
runs, taken in turns with its peer. It is processor time: nothing here waits for anything, and a
busy machine interrupts the longer runs more often, which would flatter the shorter ones.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

import orjson
import strawberry
from graphql import parse

from bff.compiler import compile_document

ROUNDS = 15
"""Turns between ours and the peer."""


class Row(TypedDict):
    """One measurement; `ratio` is ours divided by the peer's."""

    name: str
    ours: float
    peer: str
    peer_value: float
    ratio: float
    unit: str
    conditions: str


Timed = Callable[[], Awaitable[Any]]


@strawberry.type
class Item:
    id: strawberry.ID
    title: str
    amount: int
    ratio: float
    live: bool


@strawberry.type
class Card:
    title: str
    amount: int


@strawberry.type
class Section:
    id: strawberry.ID
    title: str
    status: str
    cards: list[Card]


ITEMS = [
    Item(id=strawberry.ID(str(n)), title=f"item {n}", amount=n, ratio=n / 7, live=n % 2 == 0)
    for n in range(1_000)
]
SECTIONS = [
    Section(
        id=strawberry.ID(str(n)),
        title=f"section {n}",
        status="LIVE",
        cards=[Card(title=f"card {k}", amount=k) for k in range(3)],
    )
    for n in range(20)
]


@strawberry.type
class ListQuery:
    @strawberry.field
    def items(self) -> list[Item]:
        return ITEMS


async def load_section(number: int) -> Section:
    """One upstream answer that arrives at the next turn of the loop."""
    await asyncio.sleep(0)
    return SECTIONS[number]


def _section_field(number: int) -> Any:
    async def section(info: strawberry.Info) -> Section:
        return await load_section(number)

    return strawberry.field(section)


SectionsQuery: Any = strawberry.type(
    type("SectionsQuery", (), {f"s{n}": _section_field(n) for n in range(len(SECTIONS))})
)


async def _medians_ms(*cases: tuple[Timed, int]) -> list[float]:
    """Median processor time of each case in ms; a case is what to run and how often per turn."""
    times: list[list[float]] = [[] for _ in cases]
    for _ in range(ROUNDS):
        for (run, count), taken in zip(cases, times, strict=True):
            for _ in range(count):
                began = time.process_time()
                await run()
                taken.append(time.process_time() - began)
    return [statistics.median(taken) * 1_000 for taken in times]


def _row(name: str, ours: float, peer: str, peer_value: float, conditions: str) -> Row:
    return Row(
        name=name,
        ours=round(ours, 4),
        peer=peer,
        peer_value=round(peer_value, 4),
        ratio=round(ours / peer_value, 4),
        unit="ms",
        conditions=f"{conditions}; Python {platform.python_version()}, processor time on one core",
    )


async def _list_1000x5() -> Row:
    source = "{ items { id title amount ratio live } }"
    schema = strawberry.Schema(ListQuery)
    operation = compile_document(schema._schema, parse(source))

    async def ours() -> Any:
        return operation.execute()

    async def stock() -> bytes:
        result = await schema.execute(source)
        return orjson.dumps({"data": result.data})

    assert await ours() == await stock()
    ours_ms, stock_ms = await _medians_ms((ours, 20), (stock, 2))
    times = f"{stock_ms / ours_ms:.0f} times as fast"
    conditions = f"1,000 objects of 5 leaves, JSON encoding included, {times}"
    return _row("list_1000x5", ours_ms, "stock Strawberry", stock_ms, conditions)


async def _sections_20() -> Row:
    fields = "{ id title status cards { title amount } }"
    source = "{ " + " ".join(f"s{n} {fields}" for n in range(len(SECTIONS))) + " }"
    schema = strawberry.Schema(SectionsQuery)
    operation = compile_document(schema._schema, parse(source))

    async def one(number: int) -> dict[str, Any]:
        section = await load_section(number)
        cards = [{"title": card.title, "amount": card.amount} for card in section.cards]
        title, status = section.title, section.status
        return {"id": section.id, "title": title, "status": status, "cards": cards}

    async def by_hand() -> bytes:
        sections = await asyncio.gather(*(one(n) for n in range(len(SECTIONS))))
        return orjson.dumps({"data": {f"s{n}": value for n, value in enumerate(sections)}})

    async def ours() -> Any:
        return await operation.execute()  # type: ignore[misc]

    async def stock() -> bytes:
        result = await schema.execute(source)
        return orjson.dumps({"data": result.data})

    assert await ours() == await by_hand() == await stock()
    ours_ms, hand_ms, stock_ms = await _medians_ms((ours, 60), (by_hand, 60), (stock, 2))
    overhead = f"overhead {ours_ms - hand_ms:.3f} ms; stock Strawberry {stock_ms:.1f} ms"
    conditions = f"20 asynchronous fields with info, 3 objects of 2 leaves in each; {overhead}"
    return _row("sections_20", ours_ms, "gather and orjson by hand", hand_ms, conditions)


def list_1000x5() -> Row:
    """A list of 1,000 objects with 5 leaves, from call to bytes (aim: ≤ 1 ms)."""
    return asyncio.run(_list_1000x5())


def sections_20() -> Row:
    """20 concurrent fields, from call to bytes (aim: ≤ 0.3 ms above hand-written code)."""
    return asyncio.run(_sections_20())


ROWS: dict[str, Callable[[], Row]] = {
    "list_1000x5": list_1000x5,
    "sections_20": sections_20,
}
