"""News between processes: LISTEN/NOTIFY with topics.

A hint, not a record: a message tells every process that something changed (a session was revoked,
an inbox has a new message); what changed stands in the tables. Payloads carry ids only.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import asyncpg
import orjson
import structlog

from core.clock import SystemClock
from core.database import (
    CONNECTION_LOST,
    Transaction,
    mark_notifying,
    notify_after_commit,
    parse_url,
    raw_connection,
)
from core.deadline import in_time
from core.errors import Unavailable
from core.refusal_texts import UNAVAILABLE
from core.telemetry.logging import current_request_id

CHANNEL = "quancheng_bus"
_PAYLOAD_MAX_BYTES = 7_900  # PostgreSQL's own limit is 8,000
_QUEUE_MAX = 1_000
_HEARTBEAT_S = 0.5
_ANSWER_WITHIN_S = 1.0
"""Together with the new connection: what was missed is known within two seconds."""
_END = object()
_LOST = object()

log = structlog.get_logger(__name__)

Listener = Callable[[Any], None]


async def publish(tx: Transaction, topic: str, message: Any) -> None:
    """Send a message to every process when `tx` commits.

    Raises ValueError for a message above PostgreSQL's limit.
    """
    body = message_body(topic, message)
    mark_notifying()
    await raw_connection(tx).execute("SELECT pg_notify($1, $2)", CHANNEL, body)


async def publish_after(tx: Transaction, topic: str, message: Any) -> None:
    """Send a message to every process once `tx` has committed, as `notify_after_commit` does: for
    screens that would see the change at their next look too. Raises as `publish`."""
    await notify_after_commit(tx, CHANNEL, message_body(topic, message))


def message_body(topic: str, message: Any) -> str:
    """What a statement that has something else to do too gives to `pg_notify`, with `CHANNEL`.

    Raises ValueError for a message above PostgreSQL's limit.
    """
    body = orjson.dumps([topic, message])
    if len(body) > _PAYLOAD_MAX_BYTES:
        raise ValueError("bus messages carry ids, not contents")
    return body.decode()


class Bus:
    """This process's ear: one connection, any number of listeners.

    After a lost connection it listens again and calls `on_gap` hooks, because messages sent in
    between are gone: whoever caches on the strength of the bus must then read afresh.
    """

    def __init__(self, url: str, clock: SystemClock | None = None) -> None:
        """Listens at a database address; `clock` follows the database's from then on."""
        self._url = url
        self._clock = clock
        self._listeners: dict[str, set[Listener]] = {}
        self._gap_hooks: list[Callable[[], None]] = []
        self._streams: set[asyncio.Queue[Any]] = set()
        self._channels: dict[str, Callable[[str], None]] = {}
        self._connection: asyncpg.Connection | None = None
        self._speaking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.connected = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; returns once the first connection stands."""
        self._task = asyncio.create_task(self._listen_forever(), name="bus")
        await self.connected.wait()

    async def stop(self) -> None:
        """Stop listening and end every open stream."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for queue in self._streams:
            _put(queue, _END)

    def on_gap(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Call `hook` whenever messages may have been missed; returns how to stop that."""
        self._gap_hooks.append(hook)
        return lambda: self._gap_hooks.remove(hook)

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(message)` for each message of a topic; returns how to stop it."""
        self._listeners.setdefault(topic, set()).add(listener)

        def stop() -> None:
            listeners = self._listeners.get(topic, set())
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(topic, None)

        return stop

    async def tune_in(self, channel: str, listener: Callable[[str], None]) -> None:
        """Call `listener(payload)` for each notice of another channel of the database, on the same
        connection: with every notice of any channel the server wakes every connection that listens.

        What comes while the connection is lost is missed. Raises what a lost connection may look
        like.
        """
        self._channels[channel] = listener
        await self._listen_to(channel)

    def tune_out(self, channel: str) -> None:
        """Call nobody any more for a channel's notices."""
        self._channels.pop(channel, None)

    async def stream(self, topic: str) -> AsyncIterator[Any]:
        """The messages of a topic from now on.

        Raises Unavailable where some are lost, because the connection was or because the reader
        fell 1,000 behind: whoever showed what they told of has to look afresh.
        """
        queue: asyncio.Queue[Any] = asyncio.Queue(_QUEUE_MAX)
        stops = (
            self.listen(topic, lambda message: _put(queue, _LOST if queue.full() else message)),
            self.on_gap(lambda: _put(queue, _LOST)),
        )
        self._streams.add(queue)
        try:
            while (message := await queue.get()) is not _END:
                if message is _LOST:
                    raise Unavailable(UNAVAILABLE, error_id=current_request_id() or "")
                yield message
        finally:
            self._streams.discard(queue)
            for stop in stops:
                stop()

    async def wakes(self, topic: str) -> AsyncGenerator[None]:
        """Once at the start, then whenever a message of the topic came or may have been missed.

        For readers that look into the tables on each: they lose nothing. Wakes that come while
        the reader is busy are one.
        """
        queue: asyncio.Queue[Any] = asyncio.Queue(1)
        queue.put_nowait(None)
        stops = (
            self.listen(topic, lambda _message: _put(queue, None)),
            self.on_gap(lambda: _put(queue, None)),
        )
        self._streams.add(queue)
        try:
            while await queue.get() is not _END:
                yield
        finally:
            self._streams.discard(queue)
            for stop in stops:
                stop()

    async def _listen_forever(self) -> None:
        wait_s = 0.1
        while True:
            try:
                await self._listen_once()
                wait_s = 0.1
            except CONNECTION_LOST as error:
                log.warning("bus connection lost", error=type(error).__name__)
            self.connected.clear()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, 2.0)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(
            **parse_url(self._url), timeout=5, server_settings={"application_name": CHANNEL}
        )
        try:
            await connection.add_listener(CHANNEL, self._receive)
            await self._ask_time(connection)
            self._connection = connection
            for channel in list(self._channels):
                await self._listen_to(channel)
            for hook in list(self._gap_hooks):
                hook()
            self.connected.set()
            await self._hear_until_lost(connection)
        except TimeoutError:
            connection.terminate()
            raise
        finally:
            self._connection = None
            await connection.close(timeout=1)

    async def _listen_to(self, channel: str) -> None:
        async with self._speaking:
            if self._connection is not None:
                await self._connection.add_listener(channel, self._relay)

    async def _hear_until_lost(self, connection: asyncpg.Connection) -> None:
        """Returns when the connection is closed. Raises TimeoutError when it has fallen silent.

        A half-open connection (a host that vanished, a server process that hangs) is never closed:
        only a question without an answer tells that nothing will be heard any more.
        """
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _connection: closed.set())
        while not closed.is_set():
            await self._ask_time(connection)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), _HEARTBEAT_S)

    async def _ask_time(self, connection: asyncpg.Connection) -> None:
        async with self._speaking:
            asked_s = time.monotonic()
            moment = await in_time(
                connection.fetchval("SELECT clock_timestamp()"), _ANSWER_WITHIN_S
            )
        if self._clock is not None and self._clock.follow(moment, time.monotonic() - asked_s):
            correction_s = round(self._clock.correction.total_seconds(), 1)
            log.warning("the machine's clock is put right by the database's", seconds=correction_s)

    def _relay(self, _connection: object, _pid: int, channel: str, body: object) -> None:
        if (listener := self._channels.get(channel)) is not None:
            listener(str(body))

    def _receive(self, _connection: object, _pid: int, _channel: str, body: object) -> None:
        try:
            topic, message = orjson.loads(str(body))
            listeners = list(self._listeners.get(topic, ()))
        except (TypeError, ValueError) as error:  # whoever has the database's password may speak
            log.warning("bus message not understood", error=type(error).__name__)
            return
        for listener in listeners:
            try:
                listener(message)
            except Exception:
                log.exception("bus listener failed", topic=topic)


def _put(queue: asyncio.Queue[Any], message: Any) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(message)
