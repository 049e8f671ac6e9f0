"""A school morning's messages while the worker process is killed ten times: none lost, and what is
handed over again has the provider's own idempotency key, so that nobody sees it twice.

The push service counts: how many devices have shown something, what it was handed twice under one
cid, what it took twice, and what a device has shown twice.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from journeys.house import House
from journeys.load import stubbornly

from bff.client.city import CityClient
from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import database_urls
from core.processes.open_app import open_app
from core.settings import Settings
from core.texts import Named
from modules.safety.gates.domain import Direction
from modules.safety.gates.messages import PASSED
from notifications import api
from notifications.reach.models import ADDRESS, Address
from notifications.templates.lanes import CHUNK

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
PARENTS = int(os.environ.get("PARENTS", "150_000"))
KILLS = 10
KEY = "school-morning"
_AT_ONCE = 1_000
_DRAINED_PER_S = 50


@pytest.mark.soak
async def test_a_worker_killed_ten_times_loses_nothing_and_shows_nothing_twice(
    fragile: House,
) -> None:
    """The kills lie at random tenths of the way, wherever the worker happens to be."""
    draw = random.Random(SEED)
    async with _opened(fragile) as app:
        await _send(app, await _parents(app))
    async with (
        CityClient(fragile.api_urls[0], fragile.sandbox_url) as client,
        asyncio.timeout(300 + PARENTS / _DRAINED_PER_S),
    ):
        for tenth in range(KILLS):
            await _until_shown(client, int(PARENTS * (tenth + draw.random()) / KILLS))
            while not await asyncio.to_thread(fragile.kill, "worker"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await _until_shown(client, PARENTS)
        while await _waiting(fragile):  # noqa: ASYNC110 - the worker brings it about
            await asyncio.sleep(1)
        counts = await _ask(client, "/counts")
    print(f"{KILLS} kills, {PARENTS} parents: {counts}")
    assert counts["devices"] == PARENTS
    assert counts["shown_twice"] == 0
    assert counts["taken_twice"] <= PARENTS // 100_000
    # what was asked and not noted when the worker died: about a rate times an answer's way
    assert counts["handed_over_twice"] <= KILLS * CHUNK
    states = await fragile.query(
        """SELECT d.channel, d.state, count(*) AS n FROM notifications_delivery d
             JOIN notifications_message m ON m.id = d.message_id WHERE m.key = $1 GROUP BY 1, 2""",
        KEY,
    )
    assert [tuple(row.values()) for row in states] == [("push", "sent", PARENTS)]


@asynccontextmanager
async def _opened(house: House) -> AsyncIterator[App]:
    """The house's database and keys in this process, to send from."""
    urls = database_urls(house.data_dir)
    settings = Settings(
        database_url=urls.app,
        database_owner_url=urls.owner,
        data_dir=house.data_dir,
        keys_dir=house.data_dir / "keys",
    )
    async with open_app(settings, manifests=discover(), application="school") as app:
        yield app


async def _parents(app: App) -> Sequence[api.Member]:
    """So many people with a device each."""
    members = [api.Member(new_id(), "zh") for _ in range(PARENTS)]
    now = app.clock.now()
    await Address.bulk_create(
        [
            Address(
                id=new_id(),
                person_id=member.id,
                channel="push",
                provider="jpush",
                address_sealed=app.vault.encrypt(member.id.hex, ADDRESS),
                address_index=app.vault.blind_index(member.id.hex, ADDRESS),
                seen_at=now,
            )
            for member in members
        ],
        batch_size=5_000,
    )
    return members


async def _send(app: App, members: Sequence[api.Member]) -> None:
    """That a child has entered its school, to every parent."""
    params = {"child": "样例", "school": Named("实验小学", "School"), "at": app.clock.now()}
    for start in range(0, len(members), _AT_ONCE):
        parcels = [api.Parcel(member, params) for member in members[start : start + _AT_ONCE]]
        async with transaction() as tx:
            await api.send_many(app, tx, PASSED[Direction.IN], parcels, KEY)


async def _until_shown(client: CityClient, number: int) -> None:
    while (await _ask(client, "?limit=0"))["total"] < number:  # noqa: ASYNC110 - others do it
        await asyncio.sleep(0.5)


async def _ask(client: CityClient, what: str) -> Mapping[str, int]:
    """What the push service says of itself."""
    said: Mapping[str, int] = await stubbornly(
        lambda: client.sandbox("GET", f"/_control/jpush{what}")
    )
    return said


async def _waiting(house: House) -> bool:
    """Whether some delivery's end is not noted yet."""
    (row,) = await house.query(
        "SELECT EXISTS (SELECT FROM notifications_delivery WHERE state = 'created') AS is_so"
    )
    return bool(row["is_so"])
