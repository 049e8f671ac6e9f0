"""`kill -9` of API, worker and PostgreSQL of a running house, at random moments."""

import asyncio
import random
from collections.abc import Callable

from journeys.house import House, is_ready

VICTIMS = ("worker", "api", "postgres")
_SERVES_WITHIN_S = 90.0


async def kill_at_random(house: House, points: int, seed: int, *, pause_s: float = 2.0) -> None:
    """Kill so many times; each time the house serves again before the next moment is drawn."""
    draw = random.Random(seed)
    victims = list(VICTIMS)
    draw.shuffle(victims)
    victims += draw.choices(VICTIMS, k=points)
    for victim in victims[:points]:
        await _until(lambda: is_ready(house.api_urls[0]))
        await asyncio.sleep(draw.uniform(0, pause_s))
        await _until(lambda: house.kill(victim))  # noqa: B023 - awaited before the next


async def _until(is_done: Callable[[], bool]) -> None:
    """Try until it is done; the load goes on meanwhile."""
    async with asyncio.timeout(_SERVES_WITHIN_S):
        while not await asyncio.to_thread(is_done):  # noqa: ASYNC110 - nothing here to wait on
            await asyncio.sleep(0.05)
