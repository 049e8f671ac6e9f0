"""A login code in the middle of failures: it is sent soon after the gateway is well again."""

import time
from collections.abc import AsyncIterator

import pytest

from core.context.app import App
from core.database import connection, fetch_one, transaction
from core.settings import Settings
from notifications import api as notifications
from notifications.jobs import deliver
from tests.core.conftest import Worker
from tests.core.waiting import eventually
from tests.jobs import enqueue_raw
from tests.sandbox.serving import Client, free_port, sandbox_process

PHONE, POISON = "13912345678", 200


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
    await city.put("/_control/faults/sms", {"error_rate": 1.0})
    await enqueue_raw(probed, "probe.critical", {"name": "poison", "failures": 10**6}, POISON)
    async with transaction() as tx:
        for number in range(6):
            phone = f"1390000000{number}"
            await notifications.send_text(probed, tx, phone=phone, text="早", key=f"old {number}")
    async with worker(probed):
        await eventually(lambda: _failed(POISON + 6), within_s=60, what="every failure")
        await city.put("/_control/faults/sms", {})
        started_s = time.process_time()
        async with transaction() as tx:
            await notifications.send_text(probed, tx, phone=PHONE, text="654070", key="new")
            newest = await fetch_one(
                tx,
                "SELECT max(id) AS id FROM pgqueuer WHERE entrypoint = $1",
                deliver.kind,
            )
        assert newest is not None
        await eventually(lambda: _sent("new"), within_s=60, what="the code")
        spent_s = time.process_time() - started_s
    # One repeat at most, which comes after a second: so many lines of time, on any machine.
    assert await _repeats(newest["id"]) <= 1
    assert spent_s < 2
    _, messages = await city.get("/_control/sms", params={"phone": PHONE})
    assert [message["text"] for message in messages] == ["654070"]


async def _failed(number: int) -> bool:
    row = await fetch_one(
        connection(),
        "SELECT count(DISTINCT job_id) AS jobs FROM pgqueuer_log WHERE status='queued'",
    )
    return row is not None and row["jobs"] >= number


async def _sent(key: str) -> bool:
    return await notifications.text_state(connection(), key) == "sent"


async def _repeats(job_id: int) -> int:
    row = await fetch_one(
        connection(), "SELECT count(*) AS repeats FROM pgqueuer_log WHERE job_id = $1", job_id
    )
    assert row is not None
    return int(row["repeats"])
