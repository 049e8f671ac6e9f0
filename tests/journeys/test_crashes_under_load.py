"""`kill -9` of API, worker and PostgreSQL at random points while several citizens pay.

Afterwards the books of both sides are compared: every order that the PSP took money for is
settled, written off once, or refunded; nobody is charged twice; the ledger is whole. A seed
reproduces the victims and moments: CRASH_SEED=…, CRASH_POINTS=… (make soak).
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from journeys.books import come_to_rest, compare
from journeys.house import House
from journeys.kills import kill_at_random
from journeys.load import Load, sign_in

from bff.client.city import CityClient

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
POINTS = int(os.environ.get("CRASH_POINTS", "200"))
_CITIZENS = 4
_FAULTS = (
    # what the real gateway repeats after 15 s, this one repeats after a fraction of it
    ("wechatpay", {"operation": "callback", "callback_speedup": 30, "duplicate_callbacks": 1}),
    ("wechatpay", {"operation": "order_h5", "lose_reply_rate": 0.05}),
    ("alipay", {"operation": "callback", "callback_speedup": 30, "duplicate_callbacks": 1}),
    ("biller_water", {"operation": "write_off", "lose_reply_rate": 0.05}),
)


@pytest.fixture
def house() -> Iterator[House]:
    """A house of its own, with one process of each kind.

    Not under pytest's own temporary folder: any pytest that starts meanwhile closes that to the
    server's user, who must come back here after each kill.
    """
    with TemporaryDirectory(prefix="quancheng-crash-") as folder, House(Path(folder)) as house:
        yield house


@pytest.mark.soak
async def test_two_hundred_crashes_under_load(house: House) -> None:
    load, started_s = Load(), time.monotonic()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(CityClient(house.api_urls[0], house.sandbox_url))
            for _ in range(_CITIZENS)
        ]
        for system, fault in _FAULTS:
            await clients[0].sandbox("PUT", f"/_control/faults/{system}", fault)
        people = [person for person in await clients[0].people() if "totp_secret" not in person]
        citizens = [
            await sign_in(house, client, person, SEED + n)
            for n, (client, person) in enumerate(zip(clients, people, strict=False))
        ]
        async with asyncio.TaskGroup() as group:
            for citizen in citizens:
                group.create_task(citizen.pay_until_over(load))
            await kill_at_random(house, POINTS, SEED)
            load.is_over = True
    rested_s = await come_to_rest(house)
    await compare(house, load)
    print(
        f"{POINTS} kills, {len(load.paid)} payments made, {len(load.withdrawn)} for withdrawn "
        f"bills, {len(load.unpaid)} left unpaid, at rest after {rested_s:.0f} s; "
        f"{time.monotonic() - started_s:.0f} s in all"
    )
