"""Signing in elsewhere: npm openid-client, which nobody here wrote, and what must be refused."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

import aiohttp
import pytest
from typer.testing import CliRunner

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.database.models import AccessLog
from core.security.authentication import Viewer
from core.settings import Settings
from modules.identity.models import Session
from modules.identity.openid import domain, redirects, service
from modules.identity.openid.commands import app as apps_command
from modules.identity.openid.models import OpenidGrant
from tests.asgi import Answer, Client
from tests.bff.conftest import NODE
from tests.bff.conftest import clients as clients
from tests.sandbox.serving import free_port
from tests.served import served

BACK = "http://127.0.0.1:9/back"
ANSWER = """mutation A($request: String!, $allow: Boolean!, $key: String!) {
  answerAppRequest(request: $request, allow: $allow, idempotencyKey: $key) {
    ... on AppRequestAnswered { redirectTo } ... on Refusal { code message } } }"""
GRANT = """mutation G($version: String!, $key: String!) {
  grantConsent(purpose: "identity.sign-in-elsewhere", textVersion: $version, idempotencyKey: $key) {
    __typename ... on Refusal { code } } }"""
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().strip("=")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a process on a port of its own."""
    return settings.model_copy(update={"port": free_port()})


@pytest.fixture
def person(app: App, citizen: Callable[..., Awaitable[Viewer]]) -> Callable[..., Awaitable[Viewer]]:
    """Makes people whose session is stored."""

    async def make(level: int = 2) -> Viewer:
        viewer, now = await citizen(level=level, name="欧阳娜"), app.clock.now()
        await Session.create(
            id=viewer.session_id,
            citizen_id=viewer.user_id,
            device_hash=b"",
            device_name="",
            rotated_at=now,
            authenticated_at=now,
            last_used_at=now,
        )
        return viewer

    return make


async def add_app(app: App, *uris: str, is_public: bool = False) -> tuple[UUID, str | None]:
    async with transaction() as tx:
        return await service.add_client(app, tx, "公积金中心", uris or (BACK,), is_public=is_public)


async def ask(client: Client, viewer: Viewer, query: str, **variables: Any) -> Any:
    data = await client.data(query, {"key": uuid4().hex} | variables, viewer=viewer)
    (value,) = data.values()
    return value


async def agree(client: Client, viewer: Viewer) -> None:
    version = service.SIGN_IN_ELSEWHERE.text_version
    assert (await ask(client, viewer, GRANT, version=version))["__typename"] == "ConsentGranted"


def request_in(page: str) -> str:
    """The request that the page hands to our app."""
    found = re.search(r'href="lovecity://sign-in\?request=([^"]+)"', page)
    assert found is not None, page
    return found[1]


@asynccontextmanager
async def openid_client(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(NODE, folder / "openid.mjs", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("is_public", [False, True])
async def test_an_unmodified_client_signs_somebody_in(
    client: Client,
    app: App,
    clock: ManualClock,
    clients: Path,
    person: Callable[..., Awaitable[Viewer]],
    is_public: bool,
) -> None:
    clock.move(datetime.now(UTC) - clock.now())
    viewer = await person()
    client_id, secret = await add_app(app, is_public=is_public)
    await agree(client, viewer)
    base = app.settings.base_url
    async with (
        served(client.asgi, at=app.settings.port),
        aiohttp.ClientSession() as http,
        openid_client(clients, base, str(client_id), secret or "-", BACK) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        address = (await process.stdout.readline()).decode().strip()
        async with http.get(address) as page:
            request = request_in(await page.text())
        query = "query Q($request: String!) { appRequest(request: $request) { appName scopes } }"
        data = await client.data(query, {"request": request}, viewer=viewer)
        scopes = ["OPENID", "PROFILE", "PHONE"]
        assert data["appRequest"] == {"appName": "公积金中心", "scopes": scopes}
        key = uuid4().hex
        back = await ask(client, viewer, ANSWER, request=request, allow=True, key=key)
        again = await ask(client, viewer, ANSWER, request=request, allow=True, key=key)
        assert "redirectTo" in back and "redirectTo" in again
        process.stdin.write(f"{back['redirectTo']}\n".encode())
        said, errors = await process.communicate()
        assert said, errors.decode()
        seen = json.loads(said)
        assert seen["scope"] == "openid profile phone"
        assert seen["info"]["name"] == "欧阳娜" and seen["info"]["phone_number"].startswith(
            "+86139"
        )
        assert seen["claims"]["acr"] == "level2"
        assert str(viewer.user_id) not in json.dumps(seen), "no sector learns our own id"
        (row,) = await AccessLog.filter(subject_id=viewer.user_id)
        assert (row.actor_role, row.fields_read) == ("verifier", ["name", "phone"])
        await _end_every_grant(client, viewer)
        token = {"authorization": f"Bearer {seen['access_token']}"}
        async with http.get(f"{base}/openid/userinfo", headers=token) as answer:
            assert answer.status == 401, "the person has ended it"


async def _end_every_grant(client: Client, viewer: Viewer) -> None:
    (grant,) = await ask(client, viewer, "{ appGrants { id appName } }")
    end = """mutation E($id: ID!, $key: String!) { endAppGrant(grantId: $id, idempotencyKey: $key) {
      ... on AppGrantEnded { grants { id } } ... on Refusal { code } } }"""
    assert await ask(client, viewer, end, id=grant["id"]) == {"grants": []}


def of(client_id: UUID, **changes: str | None) -> dict[str, str]:
    """The parameters of a good request, changed."""
    good: dict[str, str | None] = {
        "client_id": str(client_id),
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


async def send(client: Client, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """A request beside GraphQL."""
    return await client.request(method, path, body, headers=headers)


async def authorize(client: Client, parameters: dict[str, str]) -> Answer:
    return await send(client, "GET", f"/openid/authorize?{urlencode(parameters)}")


async def get_code(client: Client, viewer: Viewer, client_id: UUID, **changes: str | None) -> str:
    page = (await authorize(client, of(client_id, **changes))).body.decode()
    answered = await ask(client, viewer, ANSWER, request=request_in(page), allow=True)
    query = parse_qs(urlsplit(answered["redirectTo"]).query)
    assert query["state"] == ["s"] and query["iss"] == [client.app.settings.base_url]
    return query["code"][0]


async def exchange(client: Client, **form: str | None) -> Answer:
    body = urlencode({name: value for name, value in form.items() if value is not None})
    return await send(client, "POST", "/openid/token", body.encode())


async def test_requests_that_are_refused(
    client: Client, app: App, person: Callable[..., Awaitable[Viewer]]
) -> None:
    client_id, _ = await add_app(app)
    for unsafe in (
        of(client_id, redirect_uri="https://evil.example/back"),
        of(client_id, redirect_uri=BACK + "/"),
        of(uuid4()),
        of(client_id) | {"client_id": "x"},
    ):
        answer = await authorize(client, unsafe)
        assert answer.status == 400 and "location" not in answer.headers
    told = {
        "unsupported_response_type": of(client_id, response_type="token"),
        "invalid_request": of(client_id, code_challenge_method="plain"),
        "invalid_scope": of(client_id, scope="profile"),
        "login_required": of(client_id, prompt="none"),
        "request_not_supported": of(client_id, request="x"),
    }
    for error, parameters in told.items():
        answer = await authorize(client, parameters)
        query = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        assert (answer.status, query["error"], query["state"]) == (303, error, "s")
    viewer = await person(level=1)
    page = (await authorize(client, of(client_id, scope="openid profile"))).body.decode()
    request = request_in(page)
    refused = await ask(client, viewer, ANSWER, request=request, allow=True)
    assert refused["code"] == "LEVEL_REQUIRED"
    viewer = await person()
    refused = await ask(client, viewer, ANSWER, request=request, allow=True)
    assert refused["code"] == "CONSENT_REQUIRED"
    for forged in ("", "x", app.tokens.issue(viewer)):
        refused = await ask(client, viewer, ANSWER, request=forged, allow=True)
        assert refused["code"] == "APP_REQUEST_INVALID"
    back = await ask(client, viewer, ANSWER, request=request, allow=False)
    assert "error=access_denied" in back["redirectTo"]
    assert await OpenidGrant.all().count() == 0


async def test_a_code_is_good_once_for_its_client_and_verifier(
    client: Client, app: App, clock: ManualClock, person: Callable[..., Awaitable[Viewer]]
) -> None:
    viewer = await person()
    client_id, secret = await add_app(app)
    other_id, other_secret = await add_app(app)
    code = await get_code(client, viewer, client_id)
    good = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": str(client_id),
        "client_secret": secret,
    }
    wrong: list[tuple[dict[str, str | None], str]] = [
        ({"client_secret": None}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": str(other_id), "client_secret": other_secret}, "invalid_grant"),
        ({"code_verifier": "b" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "invalid_grant"),
        ({"code": app.tokens.issue(viewer)}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ]
    for change, error in wrong:
        answer = await exchange(client, **(good | change))
        assert answer.json["error"] == error, change
    answer = await exchange(client, **good)
    assert answer.status == 200
    token = answer.json["access_token"]
    info = await send(client, "GET", "/openid/userinfo", authorization=f"Bearer {token}")
    assert set(info.json) == {"sub"}, "openid alone tells nothing of them"
    assert await AccessLog.all().count() == 0
    assert (await exchange(client, **good)).json["error"] == "invalid_grant"
    info = await send(client, "GET", "/openid/userinfo", authorization=f"Bearer {token}")
    assert info.status == 401, "a code that comes twice has been stolen"
    late = await get_code(client, viewer, client_id)
    clock.move(domain.CODE_LIFE + timedelta(seconds=6))
    assert (await exchange(client, **(good | {"code": late}))).json["error"] == "invalid_grant"
    # our own API takes none of these tokens, and user info none of our own
    assert (
        await client.run("{ viewer { id } }", headers={"authorization": f"Bearer {token}"})
    ).status == 401
    own = await send(
        client, "GET", "/openid/userinfo", authorization=f"Bearer {app.tokens.issue(viewer)}"
    )
    assert own.status == 401


def test_subjects_are_of_a_sector_and_redirects_are_safe() -> None:
    key, somebody = bytes(32), uuid4()
    assert domain.subject_of(key, "a.example", somebody) != domain.subject_of(
        key, "b.example", somebody
    )
    good = ["https://a.example/x", "https://a.example/y"]
    assert redirects.checked_redirects(good) == good
    assert redirects.checked_redirects(["cn.gov.app:/back"])
    for bad in (
        [],
        ["http://a.example/x"],
        ["https://a.example/x", "https://b.example/x"],
        ["https://a.example/x#y"],
        ["javascript:alert(1)"],
    ):
        with pytest.raises(ValueError, match="redirect address"):
            redirects.checked_redirects(bad)
    refused = CliRunner().invoke(apps_command, ["add", "x" * 39, "https://a.example/x"])
    assert refused.exit_code == 1


def test_pkce_as_published() -> None:
    # RFC 7636, appendix B
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert domain.is_verifier(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert not domain.is_verifier(verifier + "x", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
