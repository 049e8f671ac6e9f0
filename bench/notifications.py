"""Messages: a school morning, what waits in it, and what sending costs beside the bare queue.

The push service is the sandbox's JPush over HTTP; database, sandbox, worker and this process share
the machine's cores. GOV.UK Notify publishes 360 messages a second (24,000 a minute).
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import command_of, free_port, machine, running
from core.context.app import App
from core.database import connection, fetch_one, raw_connection, transaction
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls, EmbeddedPostgres, database_urls
from core.processes.migrate import migrate
from core.processes.open_app import open_app
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings
from notifications import api
from notifications.reach.models import ADDRESS, Address
from notifications.templates.lanes import DELIVER_NORMAL

Row = dict[str, Any]

PARENTS = 150_000
CHUNK = 1_000
ENQUEUE_WITHIN_S = 10.0
NOTIFY_PER_S = 360.0
ARRIVALS_PER_S, ARRIVALS_FOR_S = 830, 30
CROWD = 50_000
CLIENTS, ROUND_S = 32, 5.0
ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "appointments.kept"
PARAMS = {"place": "实验小学", "what": "进校", "when": "07:42"}
CODE = "identity.login_code"
CODE_PARAMS = {"app": "泉城", "purpose": "登录", "code": "123456", "minutes": 5}
NEWS = "notifications.announcement"
NEWS_PARAMS = {"title": "公告", "text": "…"}


@contextmanager
def server() -> Iterator[tuple[DatabaseUrls, Path]]:
    """A durable PostgreSQL of its own, migrated, with keys."""
    with tempfile.TemporaryDirectory() as name, EmbeddedPostgres(Path(name) / "postgres"):
        urls, keys = database_urls(Path(name) / "postgres"), Path(name) / "keys"
        ensure_sandbox_keys(keys)
        asyncio.run(migrate(urls.owner, urls.app, discover()))
        yield urls, Path(name)


@asynccontextmanager
async def opened(urls: DatabaseUrls, folder: Path, sandbox: int) -> AsyncIterator[App]:
    settings = Settings(
        database_url=urls.app,
        database_owner_url=urls.owner,
        keys_dir=folder / "keys",
        data_dir=folder,
        city_file=ROOT / "cities/jinan.toml",
        sandbox_port=sandbox,
        database_pool_size=CLIENTS,
    )
    async with open_app(settings, application="bench") as app:
        yield app


@contextmanager
def everything(urls: DatabaseUrls, folder: Path) -> Iterator[int]:
    """Sandbox and worker; yields the sandbox's port."""
    sandbox, operators = free_port(), free_port()
    environment = {
        "DATABASE_URL": urls.app,
        "KEYS_DIR": str(folder / "keys"),
        "DATA_DIR": str(folder),
        "SANDBOX_PORT": str(sandbox),
        "SANDBOX_STATE": ":memory:",
        "METRICS_PORT": str(operators),
        "LOG_LEVEL": "warning",
    }
    with (
        running(command_of("sandbox"), sandbox, environment),
        running(command_of("worker"), operators, environment),
    ):
        yield sandbox


async def _people(app: App, number: int) -> list[api.Member]:
    """So many people with a device each."""
    members = [api.Member(new_id(), "zh") for _ in range(number)]
    now = app.clock.now()
    rows = [
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
    ]
    await Address.bulk_create(rows, batch_size=5_000)
    return members


async def _send_to(app: App, members: list[api.Member], key: str) -> None:
    for start in range(0, len(members), CHUNK):
        part = members[start : start + CHUNK]
        parcels = [api.Parcel(member, PARAMS | {"what": member.id.hex}) for member in part]
        async with transaction() as tx:
            await api.send_many(app, tx, TEMPLATE, parcels, key)


async def _shown(sandbox: int) -> int:
    address = f"http://127.0.0.1:{sandbox}/_control/jpush?limit=0"
    async with aiohttp.ClientSession() as http, http.get(address) as answer:
        return int((await answer.json())["total"])


async def _until_shown(sandbox: int, number: int) -> None:
    while await _shown(sandbox) < number:  # noqa: ASYNC110 - another process brings it about
        await asyncio.sleep(0.25)


def school_peak(parents: int = PARENTS) -> Row:
    """Messages to all parents: how soon they are in the queue, and how fast they leave it."""

    async def run(urls: DatabaseUrls, folder: Path, sandbox: int) -> tuple[float, float]:
        async with opened(urls, folder, sandbox) as app:
            members = await _people(app, parents)
            started_s = time.monotonic()
            await _send_to(app, members, "school")
            enqueued_s = time.monotonic() - started_s
            await _until_shown(sandbox, parents)
            return enqueued_s, time.monotonic() - started_s

    with server() as (urls, folder), everything(urls, folder) as sandbox:
        enqueued_s, drained_s = asyncio.run(run(urls, folder, sandbox))
    ours = parents / drained_s
    return {
        "ours": round(ours, 1),
        "peer": "GOV.UK Notify, published",
        "peer_value": NOTIFY_PER_S,
        "ratio": round(ours / NOTIFY_PER_S, 3),
        "unit": "messages/s",
        "conditions": {
            **machine(),
            "messages": parents,
            "enqueued_s": round(enqueued_s, 2),
            "enqueued_s_aim": ENQUEUE_WITHIN_S,
            "drained_s": round(drained_s, 2),
        },
    }


def peak_latency(seconds: int = ARRIVALS_FOR_S, crowd: int = CROWD) -> Row:
    """How long a message waits at ten times the average arrival, and a code amid a campaign."""

    async def run(urls: DatabaseUrls, folder: Path, sandbox: int) -> tuple[float, float]:
        async with opened(urls, folder, sandbox) as app:
            members = await _people(app, ARRIVALS_PER_S)
            await _arrive(app, members, seconds)
            normal_s = await _waits(app, TEMPLATE, seconds * ARRIVALS_PER_S)
            await _codes_amid_a_campaign(app, await _people(app, crowd), seconds)
            return normal_s, await _waits(app, "identity.login_code", seconds)

    with server() as (urls, folder), everything(urls, folder) as sandbox:
        normal_s, critical_s = asyncio.run(run(urls, folder, sandbox))
    return {
        "ours": round(normal_s, 3),
        "peer": "GOV.UK Notify's yardstick: within 10 s",
        "peer_value": 10.0,
        "ratio": round(normal_s / 10.0, 3),
        "unit": "s, p99 from accepted to handed over",
        "conditions": {
            **machine(),
            "arrivals_per_s": ARRIVALS_PER_S,
            "seconds": seconds,
            "critical_p99_s": round(critical_s, 3),
            "critical_p99_s_aim": 1.0,
            "campaign": crowd,
        },
    }


async def _arrive(app: App, members: list[api.Member], seconds: int) -> None:
    """An open model: a tenth of a second's arrivals every tenth of a second, late or not."""
    started_s, tenth = time.monotonic(), len(members) // 10
    for tick in range(seconds * 10):
        await asyncio.sleep(started_s + tick / 10 - time.monotonic())
        part = members[tick % 10 * tenth : (tick % 10 + 1) * tenth]
        async with transaction() as tx:
            parcels = [api.Parcel(member, PARAMS) for member in part]
            await api.send_many(app, tx, TEMPLATE, parcels, f"arrival-{tick}")


async def _codes_amid_a_campaign(app: App, crowd: list[api.Member], seconds: int) -> None:
    for start in range(0, len(crowd), CHUNK):
        part = crowd[start : start + CHUNK]
        parcels = [api.Parcel(member, NEWS_PARAMS) for member in part]
        async with transaction() as tx:
            await api.send_many(app, tx, NEWS, parcels, "campaign")
    for second in range(seconds):
        async with transaction() as tx:
            to = api.Phone(f"139{second:08d}")
            await api.send(app, tx, CODE, to, CODE_PARAMS, f"code-{second}")
        await asyncio.sleep(1)


async def _waits(app: App, template: str, number: int) -> float:
    """The p99 of seconds from a message's row to its provider's answer, once all have left."""
    while True:
        row = await fetch_one(
            connection(),
            """SELECT count(*) FILTER (WHERE d.sent_at IS NOT NULL) AS sent,
                      percentile_cont(0.99) WITHIN GROUP (
                        ORDER BY extract(epoch FROM d.sent_at - d.created_at))::float8 AS p99
                 FROM notifications_delivery d JOIN notifications_message m
                   ON m.id = d.message_id WHERE m.template = $1""",
            template,
        )
        assert row is not None
        if row["sent"] >= number - number % 10:
            return float(row["p99"])
        await asyncio.sleep(1)


def enqueue_vs_queue(round_s: float = ROUND_S) -> Row:
    """One message in a transaction of its own, beside one bare job."""

    async def run(urls: DatabaseUrls, folder: Path) -> dict[str, float]:
        rates: dict[str, float] = {}
        async with opened(urls, folder, free_port()) as app:
            (member,) = await _people(app, 1)
            numbers = count()

            async def ours() -> None:
                async with transaction() as tx:
                    key = f"one-{next(numbers)}"
                    await api.send(app, tx, TEMPLATE, member, PARAMS, key)

            async def bare() -> None:
                async with transaction() as tx:
                    await DELIVER_NORMAL.enqueue(app, tx, [member.id])

            async def empty() -> None:
                async with transaction() as tx:
                    await raw_connection(tx).execute("SELECT 1")

            await _rate(empty, 1.0)
            rates["ours"], rates["queue"] = await _rate(ours, round_s), await _rate(bare, round_s)
        return rates

    with server() as (urls, folder):
        rates = asyncio.run(run(urls, folder))
    return {
        "ours": round(rates["ours"], 1),
        "peer": "a bare job of the same queue",
        "peer_value": round(rates["queue"], 1),
        "ratio": round(rates["ours"] / rates["queue"], 3),
        "unit": "sends/s",
        "conditions": {**machine(), "clients": CLIENTS},
    }


async def _rate(action: Callable[[], Awaitable[None]], for_s: float) -> float:
    """How often a second, by as many clients as there are connections."""
    done, until_s = 0, time.monotonic() + for_s

    async def client() -> None:
        nonlocal done
        while time.monotonic() < until_s:
            await action()
            done += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return done / for_s


ROWS: dict[str, Callable[[], Row]] = {
    "notify_school_peak": school_peak,
    "notify_peak_latency": peak_latency,
    "notify_enqueue_vs_queue": enqueue_vs_queue,
}
