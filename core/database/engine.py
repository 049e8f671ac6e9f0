"""The ORM's way to PostgreSQL: its asyncpg backend over connections that come and go cheaply."""

import asyncio
from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.asyncpg.client import AsyncpgDBClient

from core.deadline import to_the_end

_CANCEL_WITHIN_S = 0.1
_FIRST_OWN_TYPE = 16_384
"""From here on PostgreSQL numbers types that somebody has made; its own are the same everywhere."""

_own_types: dict[int, Sequence[Any]] = {}
"""What a server has said of each of PostgreSQL's own types."""
_NO_QUESTION = SimpleNamespace(name="none")
"""In place of the statement by which the driver has asked: its own statement stays prepared."""


class PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that goes back to its pool without a word to the server.

    The driver would send four statements each time, as dear as the query itself. They undo what a
    session keeps, and ours keeps nothing: locks and settings are those of a transaction, listeners
    have connections of their own. A transaction left open is still rolled back.
    """

    def get_reset_query(self) -> str:
        """Nothing."""
        return ""

    async def _introspect_types(self, typeoids: Collection[int], *options: Any) -> Any:
        """What the server says of types; of PostgreSQL's own it is asked once a process.

        The driver asks on each connection, at the first statement that takes an array, which takes
        the server longer than the statement. A test holds this shape.
        """
        if any(oid >= _FIRST_OWN_TYPE for oid in typeoids):
            return await super()._introspect_types(typeoids, *options)
        question: Any = _NO_QUESTION
        for oid in typeoids:
            if oid not in _own_types:
                _own_types[oid], question = await super()._introspect_types([oid], *options)
        return [row for oid in typeoids for row in _own_types[oid]], question

    def _cancel_current_command(self, waiter: Any, cancel_waiter: Any = None) -> None:
        """Cancel a statement; a server that does not answer even to that loses the connection.

        The driver waits for the answer as long as the server pleases, and with it the request
        whose deadline has passed (asyncpg's issues 1326 and 1356). A test holds this shape.
        """
        super()._cancel_current_command(waiter, cancel_waiter)

        def end_if_hung() -> None:
            if cancel_waiter is not None and not cancel_waiter.done():
                self.terminate()

        asyncio.get_running_loop().call_later(_CANCEL_WITHIN_S, end_if_hung)


class Pool(asyncpg.Pool):  # type: ignore[misc]
    """A pool that takes a connection back on the spot, where nothing is left to wait for.

    The driver makes a task of each return, so that it ends whoever gives up; with what follows on
    a task that took as long as the query itself. `_holder` and `_on_release` are the driver's own;
    a test holds this shape.
    """

    __slots__ = ()

    async def release(self, connection: PoolConnectionProxy, **options: Any) -> None:
        """Take a connection back; to one that is back already nothing happens."""
        if connection._con is None:
            return
        connection._con._on_release()
        await to_the_end(connection._holder.release(options.get("timeout")))


def open_pool(**options: Any) -> Pool:
    """A pool to be awaited, as `asyncpg.create_pool` makes one."""
    usual = {
        "max_queries": 50_000,
        "max_inactive_connection_lifetime": 300.0,
        "connection_class": PooledConnection,
        "record_class": asyncpg.Record,
        "loop": None,
    }
    return Pool(**(usual | options))


class Client(AsyncpgDBClient):
    """The ORM's client over that pool."""

    async def create_pool(self, **options: Any) -> Pool:
        """Open it."""
        pool: Pool = await open_pool(**options)
        return pool


client_class = Client
"""By this name the ORM finds it."""
