"""What is seen of a house from outside: every answer, its time, and what readiness says."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from journeys.nemesis.stage import Stage

from bff.client.city import CityClient

_LOOK_EVERY_S = 0.2
_LOOK_WITHIN_S = 3.0
_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """One request: when it began and how long its answer took (monotonic seconds)."""

    began_s: float
    took_s: float
    status: int
    codes: frozenset[str]


@dataclass
class Witness:
    """Everything that was seen; `held_s` is how long this process itself was held up, in all."""

    answers: list[Seen] = field(default_factory=list)
    looks: list[tuple[float, int]] = field(default_factory=list)
    """When readiness was asked for, and the status; 0 where none came."""
    held_s: float = 0.0

    @asynccontextmanager
    async def watching(self, stage: Stage) -> AsyncIterator[None]:
        """Look at readiness, and at this process's own delays, all the time."""
        tasks = [asyncio.create_task(self._look(stage)), asyncio.create_task(self._tick())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, stage: Stage) -> None:
        limit = aiohttp.ClientTimeout(total=_LOOK_WITHIN_S)
        async with aiohttp.ClientSession(timeout=limit) as session:
            while True:
                began_s = time.monotonic()
                try:
                    async with session.get(f"{stage.api_urls[0]}/readyz") as reply:
                        status = reply.status
                except (aiohttp.ClientError, OSError, TimeoutError):
                    status = 0
                self.looks.append((began_s, status))
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _tick(self) -> None:
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(_TICK_S)
            self.held_s += max(0.0, time.monotonic() - began_s - 2 * _TICK_S)


class WatchedClient(CityClient):
    """A citizen's app of which every answer is noted."""

    def __init__(self, stage: Stage, witness: Witness) -> None:
        super().__init__(stage.api_urls[0], stage.sandbox_url)
        self._witness = witness

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        began_s, held_s = time.monotonic(), self._witness.held_s
        status, answer = await super()._post(body)
        took_s = time.monotonic() - began_s - (self._witness.held_s - held_s)
        codes = {error.get("extensions", {}).get("code") for error in answer.get("errors") or ()}
        for payload in (answer.get("data") or {}).values():
            if isinstance(payload, dict) and payload.get("code"):
                codes.add(payload["code"])
        self._witness.answers.append(
            Seen(began_s, took_s, status, frozenset(str(code) for code in codes))
        )
        return status, answer
