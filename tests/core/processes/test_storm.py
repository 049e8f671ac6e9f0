"""A login code in the middle of failures: it is sent soon after the gateway is well again."""

from collections.abc import AsyncIterator

import pytest

from core.clock import Clock, SystemClock
from core.context.app import App
from core.database import connection, fetch_one, transaction
from core.settings import Settings
from notifications import api as notifications
from tests.core.conftest import Worker
from tests.core.waiting import eventually
from tests.jobs import enqueue_raw
from tests.messages import send_code
from tests.sandbox.serving import Client, free_port, sandbox_process

PHONE, POISON = "13912345678", 200


@pytest.fixture
def clock() -> Clock:
    """A clock that runs: what failed is due again later."""
    return SystemClock()


@pytest.fixture
async def city() -> AsyncIterator[Client]:
    """The sandbox, for its SMS gateway."""
    port = free_port()
    with sandbox_process(port):
        async with Client(port) as client:
            yield client


@pytest.fixture
def settings(settings: Settings, city: Client) -> Settings:
    """A process whose gateway is the sandbox's."""
    return settings.model_copy(update={"sandbox_port": int(city.base.rpartition(":")[2])})


async def test_a_code_after_an_outage_waits_for_nobody(
    probed: App, worker: Worker, city: Client
) -> None:
    await city.put("/_control/faults/sms_gateways", {"error_rate": 1.0})
    await enqueue_raw(probed, "probe.critical", {"name": "poison", "failures": 10**6}, POISON)
    async with transaction() as tx:
        for number in range(6):
            phone = f"1390000000{number}"
            await send_code(probed, tx, phone, "早", f"old {number}")
    async with worker(probed):
        await eventually(lambda: _failed(POISON, 6), within_s=60, what="every failure")
        await city.put("/_control/faults/sms_gateways", {})
        async with transaction() as tx:
            await send_code(probed, tx, PHONE, "654070", "new")
        await eventually(lambda: _sent("new"), within_s=60, what="the code")
    # One repeat at most, which comes after a second: two seconds at the worst, on any machine.
    assert await _attempts("new") <= 2
    _, messages = await city.get("/_control/sms", params={"phone": PHONE})
    assert ["654070" in message["text"] for message in messages] == [True]


async def _failed(jobs: int, deliveries: int) -> bool:
    row = await fetch_one(
        connection(),
        """SELECT (SELECT count(DISTINCT job_id) FROM pgqueuer_log WHERE status = 'queued') AS jobs,
                  (SELECT count(*) FROM notifications_delivery WHERE error IS NOT NULL) AS texts""",
    )
    return row is not None and row["jobs"] >= jobs and row["texts"] >= deliveries


async def _sent(key: str) -> bool:
    return await notifications.text_state(connection(), key) == "sent"


async def _attempts(key: str) -> int:
    row = await fetch_one(
        connection(),
        """SELECT d.attempts FROM notifications_delivery d
             JOIN notifications_message m ON m.id = d.message_id WHERE m.key = $1""",
        key,
    )
    assert row is not None
    return int(row["attempts"])
