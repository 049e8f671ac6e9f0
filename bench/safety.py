"""School gates and streams: a school morning's events, and what it costs to authorise a segment.

Gates sign and send over HTTP to the API; database, sandbox, worker, API and this process share the
machine's cores.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.notifications import everything, opened, server
from bench.processes import NO_LIMITS, command_of, free_port, machine, running
from core.context.app import App
from core.database import connection, fetch_one
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.processes.open_app import open_app
from core.security.mandate import MandateKind
from core.settings import Settings
from core.upstream.records import Records
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Citizen, Mandate
from modules.safety.gates.models import GateFollow
from modules.safety.video.models import SchoolVideoView
from modules.safety.video.routes import routes
from modules.safety.video.signing import ADDRESS, address_of
from modules.safety.video.upstream import CameraRecord, fetch_file, list_records
from sandbox.systems.schools.gates import PATH, signed_headers
from sandbox.systems.schools.registry import gate_key

Row = dict[str, Any]

EVENTS, WITHIN_S, BATCH = 10_000, 60.0, 20
SCHOOLS, SEED = 96, 20260101
SEGMENTS = 3_000
SEGMENT = b"\x47" * 20_000
CAMERA = "s001-gate"
_RESIDENT_ID = "370102201601010013"
"""Of nobody: valid, and the same for all of them, since nothing here reads it."""
ROOT = Path(__file__).resolve().parent.parent


def gate_ingest(events: int = EVENTS, within_s: float = WITHIN_S) -> Row:
    """The slowest hundredth of batches while so many events come in so many seconds, in ms."""

    async def run(urls: DatabaseUrls, folder: Path, sandbox: int, api: int) -> tuple[float, ...]:
        async with opened(urls, folder, sandbox) as app:
            await _pupils(app, events)
            times_ms, begun_s = await _arrive(api, events, within_s), time.perf_counter()
            while (told := await _messages()) < events:
                assert time.perf_counter() - begun_s < 600, f"{told} of {events} are told"
                await asyncio.sleep(0.2)
            times_ms.sort()
            p50_ms, p99_ms = (times_ms[len(times_ms) * part // 100] for part in (50, 99))
            return p50_ms, p99_ms, times_ms[-1], time.perf_counter() - begun_s

    with server() as (urls, folder), everything(urls, folder) as sandbox:
        api = free_port()
        environment = NO_LIMITS | {
            "DATABASE_URL": urls.app,
            "KEYS_DIR": str(folder / "keys"),
            "DATA_DIR": str(folder),
            "PORT": str(api),
            "SANDBOX_PORT": str(sandbox),
            "METRICS_PORT": str(free_port()),
        }
        with running(command_of("api"), api, environment):
            p50_ms, p99_ms, max_ms, rest_s = asyncio.run(run(urls, folder, sandbox, api))
    return {
        "ours": round(p99_ms, 1),
        "peer": "aim",
        "peer_value": 50,
        "ratio": round(p99_ms / 50, 3),
        "unit": "ms, p99",
        "conditions": {
            **machine(),
            "events": events,
            "within_s": within_s,
            "batch": BATCH,
            "p50_ms": round(p50_ms, 1),
            "max_ms": round(max_ms, 1),
            "all_messages_written_after_s": round(rest_s, 1),
        },
    }


async def _pupils(app: App, number: int) -> None:
    """So many children, each followed by a guardian of its own."""
    now = app.clock.now()
    people = [(new_id(), new_id(), n) for n in range(number)]
    name, card = app.vault.encrypt("样例", NAME), app.vault.encrypt(_RESIDENT_ID, RESIDENT_ID)
    known = {"level": 2, "locale": "zh", "created_at": now}
    rows = []
    for guardian, child, n in people:
        phone = f"13{n:09d}"
        sealed, index = app.vault.encrypt(phone, PHONE), app.vault.blind_index(phone, PHONE)
        for person, reached in ((guardian, (sealed, index)), (child, (None, None))):
            rows.append(Citizen(
                id=person, name_sealed=name, phone_sealed=reached[0], phone_index=reached[1],
                resident_sealed=card, **known,
                resident_index=app.vault.blind_index(str(person), RESIDENT_ID),
            ))  # fmt: skip
    await Citizen.bulk_create(rows, batch_size=1_000)
    await Mandate.bulk_create(
        [
            Mandate(
                id=new_id(), kind=MandateKind.GUARDIAN, actor_id=guardian, subject_id=child,
                state="active", proposed_at=now, confirmed_at=now,
                ends_at=now + timedelta(days=3650),
            )
            for guardian, child, _ in people
        ],
        batch_size=1_000,
    )  # fmt: skip
    await GateFollow.bulk_create(
        [
            GateFollow(
                id=new_id(), citizen_id=guardian, child_id=child, school_code=_school(n),
                pupil_ref=f"P{n}", created_at=now,
            )
            for guardian, child, n in people
        ],
        batch_size=1_000,
    )  # fmt: skip


def _school(n: int) -> str:
    return f"s{n // BATCH % SCHOOLS + 1:03d}"


async def _arrive(port: int, events: int, within_s: float) -> list[float]:
    """Batches come evenly, whether or not those before are answered; milliseconds of each."""
    times_ms: list[float] = []

    async def send(http: aiohttp.ClientSession, first: int) -> None:
        school, now = _school(first), datetime.now(UTC)
        told = [
            {
                "event_id": f"E{n}", "pupil_ref": f"P{n}", "gate_ref": "g", "direction": "IN",
                "at": now.isoformat(),
            }
            for n in range(first, min(first + BATCH, events))
        ]  # fmt: skip
        body = orjson.dumps({"school": school, "events": told})
        headers = signed_headers(gate_key(SEED, school), school, body, now)
        begun_s = time.perf_counter()
        async with http.post(PATH, data=body, headers=headers) as answer:
            accepted = (await answer.json())["accepted"]
        assert accepted == len(told)
        times_ms.append((time.perf_counter() - begun_s) * 1000)

    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        await send(http, 0)  # the registry is asked once
        times_ms.clear()
        gap_s = within_s * BATCH / events
        async with asyncio.TaskGroup() as group:
            for first in range(BATCH, events, BATCH):
                group.create_task(send(http, first))
                await asyncio.sleep(gap_s)
    return times_ms


async def _messages() -> int:
    row = await fetch_one(connection(), "SELECT count(*) AS n FROM notifications_message")
    assert row is not None
    return int(row["n"])


def hls_authorise(segments: int = SEGMENTS) -> Row:
    """Segments a second behind signed addresses, beside a handler that serves them to anybody."""

    async def run(urls: DatabaseUrls, folder: Path) -> tuple[float, float]:
        async with _with_platform(urls, folder) as app:
            address = await _view(app)
            bare = Starlette(routes=[Route("/bare", _bare)])
            ours = Starlette(routes=routes(app))
            rates = []
            for _ in range(3):
                rates.append(
                    (
                        await _rate(ours, address, segments),
                        await _rate(bare, "/bare", segments),
                    )
                )
            return max(one for one, _ in rates), max(other for _, other in rates)

    with server() as (urls, folder):
        ours, theirs = asyncio.run(run(urls, folder))
    return {
        "ours": round(ours),
        "peer": "a bare Starlette handler",
        "peer_value": round(theirs),
        "ratio": round(ours / theirs, 3),
        "unit": "segments/s, one core",
        "conditions": {**machine(), "segment_bytes": len(SEGMENT), "over": "ASGI, in process"},
    }


@asynccontextmanager
async def _with_platform(urls: DatabaseUrls, folder: Path) -> AsyncIterator[App]:
    """An App to which the video platform answers at once."""
    camera = CameraRecord(CAMERA, "s001", "校门口", "Gate", "00:00", "24:00", True, True)

    async def cameras(school_code: str) -> Records[CameraRecord]:
        return Records([camera])

    async def file(camera_ref: str, path: str) -> bytes:
        return SEGMENT

    settings = Settings(
        database_url=urls.app,
        database_owner_url=urls.owner,
        keys_dir=folder / "keys",
        data_dir=folder,
        city_file=ROOT / "cities/jinan.toml",
    )
    fakes = {list_records: cameras, fetch_file: file}
    async with open_app(settings, upstreams=fakes, application="bench") as app:
        yield app


async def _view(app: App) -> str:
    """The address of a segment of a guardian's view."""
    now, guardian, child, view = app.clock.now(), new_id(), new_id(), new_id()
    await Mandate.create(
        id=new_id(), kind=MandateKind.GUARDIAN, actor_id=guardian, subject_id=child,
        state="active", proposed_at=now, confirmed_at=now, ends_at=now + timedelta(days=1),
    )  # fmt: skip
    await SchoolVideoView.create(
        id=view, citizen_id=guardian, child_id=child, school_code="s001", pupil_ref="P1",
        camera_ref=CAMERA, address_index=app.vault.blind_index("127.0.0.1", ADDRESS),
        opened_at=now, last_seen_at=now,
    )  # fmt: skip
    until = int((now + timedelta(minutes=5)).timestamp())
    return address_of(app, view, "seg1.ts", until)


async def _bare(_request: Request) -> Response:
    return Response(SEGMENT, media_type="application/octet-stream")


async def _rate(asgi: Starlette, target: str, number: int) -> float:
    """Answers a second, one after the other."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "headers": [(b"user-agent", b"player")],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    begun_s = time.perf_counter()
    for _ in range(number):
        await asgi(dict(scope), receive, send)
    rate = number / (time.perf_counter() - begun_s)
    assert set(sent) == {200, None}
    return rate


ROWS = {"gate_ingest": gate_ingest, "hls_authorise": hls_authorise}
