"""What each reading of the city costs beside the bare calls of its upstream, in processor time.

A reading is a whole GraphQL request in this process (token, consent, access log, upstream, types,
answer) with nothing kept of earlier answers; the peer sends the same upstream requests by aiohttp
alone and parses the JSON. PostgreSQL and the sandbox city are processes of their own, not counted.
Every reading has been asked for some times before the first is measured: what they share is warm
then, as in a process that has served for a while, whichever comes first in the table.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from os import devnull
from pathlib import Path
from typing import Any, cast

import aiohttp
import orjson
import uvloop

from bench.notifications import server
from bench.processes import command_of, free_port, machine, opened_app, running
from bff.app import Api, make_edge
from bff.schema.build import build_schema
from bff.trusted.documents import TrustedDocument, documents_of
from core.assurance import Assurance
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.ids import new_id
from core.people.personal_read import grant_consent, list_purposes
from core.processes.embedded import DatabaseUrls
from core.processes.memory import settle_memory
from core.security.authentication import Viewer
from core.telemetry.logging import configure
from core.upstream.operation import Operation, Request, Upstreams
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Citizen

Row = dict[str, Any]

READINGS: Mapping[int, Sequence[str]] = {
    37: ("PensionInsurance",),
    38: ("MedicalInsurance",),
    39: ("UnemploymentInsurance",),
    40: ("WorkInjuryInsurance",),
    41: ("MaternityInsurance",),
    50: ("ServiceOutlets",),
    52: ("RealEstate",),
    56: ("AirQuality", "SpringLevels"),
    12: ("TrafficAround",),
    13: ("CarParks",),
    15: ("TrafficViolations",),
}
"""The operations by the service's number."""
REQUESTS, ROUNDS, WARM_UP = 30, 5, 20
CONNECTIONS = 4
AIM_MS = 1.5


class Recording:
    """An App's upstreams that note each request that is sent."""

    def __init__(self, inner: Upstreams) -> None:
        self._inner = inner
        self.sent: list[tuple[Operation[..., Any], Request]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send(
        self, operation: Operation[..., Any], request: Request, deadline: Deadline
    ) -> Any:
        """See core.upstream.operation.Upstreams."""
        self.sent.append((operation, request))
        return await self._inner.send(operation, request, deadline)


@dataclass(frozen=True)
class Caller:
    """Sends one trusted operation to an API of this process."""

    api: Api
    token: str

    async def ask(self, document: TrustedDocument, name: str) -> bytes:
        """The answer's body. Raises AssertionError unless it is a 200 without errors."""
        (operation,) = (one for one in document.operations if one.name == name)
        variables = {k: v for k, v in document.variables.items() if not k.startswith("$")}
        body = orjson.dumps({"documentId": operation.id, "variables": variables})
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.api(_scope(self.token), receive, send)
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        assert sent[0]["status"] == 200 and b'"errors"' not in answer, answer
        return answer


def readings() -> Row:
    """The dearest reading's own cost: processor time above that of the bare upstream calls."""
    with Path(devnull).open("w") as nowhere, server() as (urls, folder):
        configure("info", json=True, stream=nowhere)  # what production writes is part of the cost
        port = free_port()
        environment = {"DATA_DIR": str(folder), "SANDBOX_PORT": str(port), "METRICS_PORT": "0"}
        with running(command_of("sandbox"), port, environment):
            table = uvloop.run(_measure(urls, folder, port))
    own_ms = [row["own_ms"] for row in table.values()]
    return {
        "ours": max(own_ms),
        "peer": "aim",
        "peer_value": AIM_MS,
        "ratio": round(max(own_ms) / AIM_MS, 2),
        "unit": "ms of CPU",
        "conditions": machine()
        | {
            "median_own_ms": round(statistics.median(own_ms), 2),
            "readings": table,
            "requests": f"{REQUESTS} in each of {ROUNDS} rounds, one after another, in turns with "
            "the bare calls; medians",
        },
    }


@dataclass(frozen=True, slots=True)
class Recorded:
    """A citizen before an App of this process whose upstream requests are noted."""

    app: App
    session: aiohttp.ClientSession
    recording: Recording
    caller: Caller


@asynccontextmanager
async def recorded_app(
    urls: DatabaseUrls, folder: Path, sandbox: int, connections: int, **settings: Any
) -> AsyncIterator[Recorded]:
    """An App without limits on so many connections, open, with somebody who has every consent."""
    limits: Row = {"rate_person": 0, "rate_device": 0, "rate_address": 0}
    async with (
        opened_app(urls, folder, connections, sandbox_port=sandbox, **limits, **settings) as opened,
        aiohttp.ClientSession() as session,
    ):
        token = await make_person(opened, session, sandbox)
        recording = Recording(opened.upstreams)
        app = replace(opened, upstreams=cast(Upstreams, recording))
        api = Api()
        # as production opens it: what a request cost is told to who develops, and nobody else
        documents = documents_of(app.manifests)
        api.open(make_edge(app, build_schema(app.manifests), documents, trusted_only=True))
        yield Recorded(app, session, recording, Caller(api, token))


async def _measure(urls: DatabaseUrls, folder: Path, sandbox: int) -> dict[str, dict[str, float]]:
    async with recorded_app(urls, folder, sandbox, CONNECTIONS) as one:
        app, caller, recording = one.app, one.caller, one.recording
        tiles = {tile.number: tile.id for m in app.manifests for tile in m.services}
        library = documents_of(app.manifests)
        asked = [
            (number, document, name)
            for number, names in READINGS.items()
            if (document := library.for_service(tiles[number])) is not None
            for name in names
        ]
        for _, document, name in asked * WARM_UP:
            app.last_good.forget_all(())
            await caller.ask(document, name)
        settle_memory()  # as processes do when they have started
        table = {}
        for number, document, name in asked:
            app.last_good.forget_all(())
            recording.sent.clear()
            size = len(await caller.ask(document, name))
            row = await _compare(app, one.session, caller, document, name, [*recording.sent])
            table[f"{number} {name}"] = row | {"answer_bytes": size}
        return table


async def _compare(
    app: App,
    session: aiohttp.ClientSession,
    caller: Caller,
    document: TrustedDocument,
    name: str,
    sent: Sequence[tuple[Operation[..., Any], Request]],
) -> dict[str, float]:
    """A reading and its bare calls in turns."""

    async def ours() -> None:
        app.last_good.forget_all(())
        await caller.ask(document, name)

    async def kept() -> None:
        await caller.ask(document, name)

    async def bare() -> None:
        await asyncio.gather(*(send_bare(app, session, *one) for one in sent))

    for warm in (ours, kept, bare):
        await cpu_ms(warm)
    rounds = [[await cpu_ms(one) for one in (ours, kept, bare)] for _ in range(ROUNDS)]
    ours_ms, kept_ms, bare_ms = (statistics.median(side) for side in zip(*rounds, strict=True))
    return {
        "request_ms": round(ours_ms, 2),
        "bare_ms": round(bare_ms, 2),
        "own_ms": round(statistics.median(row[0] - row[2] for row in rounds), 2),
        "asked_again_ms": round(kept_ms, 2),
        "upstream_calls": len(sent),
    }


async def cpu_ms(run: Callable[[], Awaitable[None]]) -> float:
    """Processor time of this process for one run, of many one after another."""
    before_s = time.process_time()
    for _ in range(REQUESTS):
        await run()
    return (time.process_time() - before_s) * 1000 / REQUESTS


async def send_bare(
    app: App, session: aiohttp.ClientSession, operation: Operation[..., Any], request: Request
) -> None:
    address = f"{app.upstreams.find_address(operation.system.name)}"
    path = request.link or operation.path.format_map(request.path)
    async with session.request(
        operation.method,
        address + path,
        json=request.json,
        params=request.params,
        headers=request.headers,
    ) as answer:
        body = await answer.read()
        assert answer.status == 200, body
        if answer.content_type.endswith("json"):
            orjson.loads(body)


async def make_person(app: App, session: aiohttp.ClientSession, sandbox: int) -> str:
    """The token of a demo person with a verified name and every consent."""
    async with session.get(f"http://127.0.0.1:{sandbox}/_control/people") as answer:
        people = await answer.json()
    demo = next(one for one in people if one["key"] == "citizen")
    now, vault = app.clock.now(), app.vault
    row = await Citizen.create(
        id=new_id(),
        phone_sealed=vault.encrypt(demo["phone"], PHONE),
        phone_index=vault.blind_index(demo["phone"], PHONE),
        name_sealed=vault.encrypt(demo["name"], NAME),
        resident_sealed=vault.encrypt(demo["resident_id"], RESIDENT_ID),
        resident_index=vault.blind_index(demo["resident_id"], RESIDENT_ID),
        level=2,
        locale="zh",
        created_at=now,
        verified_at=now,
    )
    viewer = Viewer(row.id, new_id(), 2, frozenset(), now, assurance=Assurance.CARRIER)
    call = Call(app, Deadline.after(60), "bench", viewer)
    for purpose in list_purposes(call):
        await grant_consent(call, purpose.id, purpose.text_version)
    return app.tokens.issue(viewer)


def _scope(token: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {token}".encode()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }


ROWS: dict[str, Callable[[], Row]] = {"readings": readings}
