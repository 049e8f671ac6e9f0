"""Callbacks that outlive the process: what a system owes its customers, sent until acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import aiohttp

from sandbox.server.background import repeated
from sandbox.server.faults import CALLBACK_OPERATION, Fault, Faults
from sandbox.server.state import Row, State
from sandbox.server.wire import Refusal

SCHEMA = """
CREATE TABLE sandbox_callback (
    id INTEGER PRIMARY KEY, system TEXT NOT NULL, url TEXT NOT NULL, body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at REAL, last_answer TEXT, done INTEGER NOT NULL
        DEFAULT 0
);
CREATE INDEX sandbox_callback_due ON sandbox_callback (next_at) WHERE next_at IS NOT NULL;
"""
ANSWER_TIMEOUT_S = 5
ANSWER_MAX_BYTES = 1024
REORDER_HOLD_S = 1.0
SLEEP_MAX_S = 1.0
BATCH = 50


@dataclass(frozen=True)
class Sender:
    """How one system delivers: headers made anew for each attempt, its waits in seconds, and
    what counts as taken: by default any 2xx, whatever the answer's body.
    """

    headers: Callable[[bytes], dict[str, str]]
    waits_s: Sequence[float]
    is_taken: Callable[[int, bytes], bool] = lambda status, body: 200 <= status < 300


class Callbacks:
    """The queue of callbacks of all systems, with their fault switches."""

    def __init__(self, state: State, faults: Faults, now: Callable[[], datetime]) -> None:
        self._state = state
        self._faults = faults
        self._now = now
        self._senders: dict[str, Sender] = {}
        self._wake = asyncio.Event()
        self._in_flight: dict[int, asyncio.Task[None]] = {}

    def register(self, system: str, sender: Sender) -> None:
        """Tell how a system's callbacks are delivered; done while the system starts."""
        self._senders[system] = sender

    def enqueue(self, system: str, url: str, body: bytes) -> None:
        """Owe a callback. Part of the caller's transaction; sent after it, maybe repeatedly."""
        fault = self._faults.of(system, CALLBACK_OPERATION)
        if fault.drop_callbacks:
            return
        due_at = self._now().timestamp() + fault.delay_callbacks_ms / 1000
        if fault.reorder_callbacks and not self._release_held(system, due_at):
            due_at += REORDER_HOLD_S
        for _ in range(1 + fault.duplicate_callbacks):
            self._state.run(
                "INSERT INTO sandbox_callback (system, url, body, next_at) VALUES (?, ?, ?, ?)",
                (system, url, body, due_at),
            )
        self._wake.set()

    def _release_held(self, system: str, due_at: float) -> bool:
        """Let a callback held back come due behind the one that overtakes it, if there is one."""
        return bool(
            self._state.run(
                "UPDATE sandbox_callback SET next_at = ? "
                "WHERE system = ? AND attempts = 0 AND next_at > ?",
                (due_at, system, due_at),
            )
        )

    def listing(self, system: str | None) -> list[dict[str, object]]:
        """What was and is to be sent, newest first, without the bodies."""
        rows = self._state.all(
            "SELECT id, system, url, attempts, next_at, last_answer, done FROM sandbox_callback "
            "WHERE ?1 IS NULL OR system = ?1 ORDER BY id DESC LIMIT 200",
            (system,),
        )
        return [dict(row) | {"done": bool(row["done"])} for row in rows]

    def resend(self, callback_id: int) -> bool:
        """Send an old callback once more, now. False when there is no such callback."""
        self._wake.set()
        return bool(
            self._state.run(
                "UPDATE sandbox_callback SET next_at = ?, attempts = 0 WHERE id = ?",
                (self._now().timestamp(), callback_id),
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver in the background for as long as the block lasts."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as http:
            try:
                async with repeated(partial(self._deliver_due, http), every_s=0):
                    yield
            finally:
                tasks = [*self._in_flight.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver_due(self, http: aiohttp.ClientSession) -> None:
        """Begin what is due; return when something more may be."""
        self._wake.clear()
        for batch in self._due_batches():
            task = asyncio.create_task(self._deliver_in_order(http, batch))
            for row in batch:
                self._in_flight[row["id"]] = task
            task.add_done_callback(partial(self._landed, batch))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._sleep_s()):
                await self._wake.wait()

    def _landed(self, rows: Sequence[Row], task: asyncio.Task[None]) -> None:
        for row in rows:
            self._in_flight.pop(row["id"], None)
        if not task.cancelled() and task.exception() is not None:
            return  # its end could not be noted: it is due again at the next turn
        self._wake.set()

    def _due_batches(self) -> list[list[Row]]:
        """Due callbacks: each its own batch, but reordered ones of a system newest first in one."""
        rows = self._state.all(
            "SELECT * FROM sandbox_callback WHERE next_at <= ? ORDER BY next_at, id LIMIT ?",
            (self._now().timestamp(), BATCH + len(self._in_flight)),
        )
        batches: list[list[Row]] = []
        reordered: dict[str, list[Row]] = {}
        for row in rows:
            if row["id"] in self._in_flight or row["system"] not in self._senders:
                continue
            if self._fault(row).reorder_callbacks:
                reordered.setdefault(row["system"], []).insert(0, row)
            else:
                batches.append([row])
        return batches + list(reordered.values())

    async def _deliver_in_order(self, http: aiohttp.ClientSession, rows: Sequence[Row]) -> None:
        for row in rows:
            await self._deliver(http, row)

    async def _deliver(self, http: aiohttp.ClientSession, row: Row) -> None:
        sender = self._senders[row["system"]]
        try:
            async with http.post(
                row["url"],
                data=row["body"],
                headers=sender.headers(row["body"]),
                allow_redirects=False,
            ) as answer:
                said = await answer.content.read(ANSWER_MAX_BYTES)
                done, last = sender.is_taken(answer.status, said), str(answer.status)
        except (aiohttp.ClientError, TimeoutError, ValueError, Refusal) as error:
            done, last = False, type(error).__name__
        attempts = row["attempts"] + 1
        next_at = None
        if not done and attempts <= len(sender.waits_s):
            wait_s = sender.waits_s[attempts - 1] / self._fault(row).callback_speedup
            next_at = self._now().timestamp() + wait_s
        self._state.run(
            "UPDATE sandbox_callback SET attempts = ?, next_at = ?, last_answer = ?, "
            "done = max(done, ?) WHERE id = ?",
            (attempts, next_at, last, done, row["id"]),
        )

    def _fault(self, row: Row) -> Fault:
        return self._faults.of(row["system"], CALLBACK_OPERATION)

    def _sleep_s(self) -> float:
        waiting = self._state.all("SELECT id, next_at FROM sandbox_callback WHERE next_at NOT NULL")
        free = [float(row["next_at"]) for row in waiting if row["id"] not in self._in_flight]
        if not free:
            return SLEEP_MAX_S
        return min(SLEEP_MAX_S, max(0.0, min(free) - self._now().timestamp()))
