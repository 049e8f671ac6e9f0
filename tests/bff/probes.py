"""A small schema that waits, breaks and tells what it was called with, for tests of the edge."""

import asyncio
from collections.abc import AsyncIterator

import strawberry

from bff.app import make_edge
from bff.transports.endpoint import Edge
from bff.trusted.documents import Documents
from core.context.app import App
from core.graphql import Info

SECRET = "resident 11010519491231002X"


class State:
    """What the probes wait for, and what became of them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As before the first test."""
        self.go = asyncio.Event()
        self.begun = 0
        self.ended: list[str] = []


STATE = State()


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def quick(self) -> str:
        return "quick"

    @strawberry.field
    async def slow(self) -> str:
        STATE.begun += 1
        try:
            await STATE.go.wait()
        except asyncio.CancelledError:
            STATE.ended.append("cancelled")
            raise
        return "slow"

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def address(self, info: Info) -> str:
        return info.context.address

    @strawberry.field
    def request_id(self, info: Info) -> str:
        return info.context.request_id

    @strawberry.field
    def long(self, length: int) -> str:
        return "水" * length


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def outlast(self, info: Info) -> bool:
        """Goes on until its deadline is past."""
        while not info.context.deadline.expired:  # noqa: ASYNC110 - the deadline is a time
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        STATE.ended.append("done")
        return True


@strawberry.type
class Tick:
    """An event."""

    number: int

    @strawberry.field
    def has_time(self, info: Info) -> bool:
        return not info.context.deadline.expired


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def ticks(self, info: Info, pause_s: float = 0.0) -> AsyncIterator[Tick]:
        """Numbers for ever; without a pause, one and then silence."""
        STATE.begun += 1
        try:
            yield Tick(number=1)
            if not pause_s:
                await asyncio.Event().wait()
            await asyncio.sleep(pause_s)
            yield Tick(number=2)
        finally:
            STATE.ended.append("ticks")

    @strawberry.subscription
    async def breaking(self) -> AsyncIterator[int]:
        """One number, then a defect."""
        yield 1
        raise RuntimeError(SECRET)


def probe_edge(app: App) -> Edge:
    """An edge over the probes; free text runs."""
    STATE.reset()
    schema = strawberry.Schema(Query, Mutation, Subscription)
    return make_edge(app, schema, Documents({}, {}), trusted_only=False)
