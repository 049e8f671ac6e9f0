"""Passkeys, made and used by Chromium's virtual authenticator: nobody here wrote its answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import CDPSession, Page, async_playwright

from core.clock import ManualClock
from core.context.app import App
from core.context.commands import CREDENTIAL_REPLAY
from core.settings import Settings
from modules.identity import domain
from modules.identity.models import Passkey, Session
from tests.browser import CHROMIUM_ARGS, chromium_or_skip
from tests.modules.identity.conftest import REFUSAL, TOKENS, Phone
from tests.sandbox.serving import free_port
from tests.served import served

CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}"""
GET = """async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}"""
ADD = f"""mutation A($credential: JSON!, $key: String!) {{
  addPasskey(credential: $credential, name: "我的电脑", idempotencyKey: $key) {{
    ... on PasskeysChanged {{ passkeys {{ id name lastUsedAt }} }} {REFUSAL} }} }}"""
LOGIN = f"""mutation L($credential: JSON!, $device: String!, $key: String!) {{
  loginWithPasskey(credential: $credential, device: {{ id: $device }}, idempotencyKey: $key) {{
    {TOKENS} {REFUSAL} }} }}"""
STEP_UP = f"""mutation S($credential: JSON!, $key: String!) {{
  stepUpWithPasskey(credential: $credential, idempotencyKey: $key) {{
    ... on SteppedUp {{ accessToken }} {REFUSAL} }} }}"""
REMOVE = f"""mutation R($id: ID!, $key: String!) {{
  removePasskey(passkeyId: $id, idempotencyKey: $key) {{
    ... on PasskeysChanged {{ passkeys {{ id }} }} {REFUSAL} }} }}"""
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a process whose public address has a name, as keys need one."""
    port = free_port()
    return settings.model_copy(update={"port": port, "public_url": f"http://localhost:{port}"})


@asynccontextmanager
async def a_browser(phone: Phone, clock: ManualClock) -> AsyncIterator[tuple[Page, CDPSession]]:
    """A page of ours in Chromium with an authenticator of its own."""
    app = phone.client.app
    clock.move(datetime.now(UTC) - clock.now())
    async with (
        served(phone.client.asgi, at=app.settings.port),
        async_playwright() as playwright,
    ):
        chromium = await playwright.chromium.launch(
            executable_path=chromium_or_skip(), args=CHROMIUM_ARGS[:-1]
        )
        page = await chromium.new_page()
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await page.goto(f"{app.settings.base_url}/healthz")
        yield page, devtools
        await chromium.close()


async def ask(phone: Phone, query: str, token: str | None = None, **variables: Any) -> Any:
    """The one field of an operation."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await phone.client.run(query, {"key": uuid4().hex} | variables, headers=headers)
    assert "errors" not in answer.json, answer.json
    (value,) = answer.json["data"].values()
    return value


async def test_a_passkey_is_added_signs_in_and_steps_up(
    phone: Phone, clock: ManualClock, app: App
) -> None:
    async with a_browser(phone, clock) as (page, _):
        mine = (await phone.sign_in())["accessToken"]
        made = await page.evaluate(CREATE, await ask(phone, "{ passkeyRegistration }", mine))
        key = uuid4().hex
        added = await ask(phone, ADD, mine, credential=made, key=key)
        again = await ask(phone, ADD, mine, credential=made, key=key)
        assert [each["name"] for each in added["passkeys"]] == ["我的电脑"]
        assert again == added and await Passkey.all().count() == 1
        elsewhere = await ask(phone, ADD, mine, credential=made)
        assert elsewhere["code"] == "PASSKEY_REFUSED", "a challenge is good once"

        asked = await ask(phone, "{ passkeyRequest }")
        assert asked["allowCredentials"] == [] and asked["userVerification"] == "required"
        answer = await page.evaluate(GET, asked)
        # a number silent for months opens no account, a passkey does
        clock.move(domain.SILENCE + timedelta(days=1))
        late = await ask(phone, LOGIN, credential=answer, device="another-device")
        assert late["code"] == "PASSKEY_REFUSED", "a challenge is good for five minutes"
        answer = await page.evaluate(GET, await ask(phone, "{ passkeyRequest }"))
        key = uuid4().hex
        here = await ask(phone, LOGIN, credential=answer, device="another-device", key=key)
        assert (await ask(phone, LOGIN, credential=answer, device="another-device", key=key))[
            "refreshToken"
        ] == here["refreshToken"]
        again = await ask(phone, LOGIN, credential=answer, device="another-device")
        assert again["code"] == "PASSKEY_REFUSED"
        assert await Session.filter(proved=True).count() == await Session.all().count() == 2

        clock.move(timedelta(minutes=14))
        token = here["accessToken"]
        before = app.tokens.verify(token).authenticated_at
        answer = await page.evaluate(GET, await ask(phone, "{ passkeyRequest }", token))
        assert (await ask(phone, LOGIN, credential=answer, device="another-device"))["code"] == (
            "PASSKEY_REFUSED"
        ), "an answer is for what it was asked for"
        key = uuid4().hex
        fresh = await ask(phone, STEP_UP, token, credential=answer, key=key)
        assert (await ask(phone, STEP_UP, token, credential=answer, key=key))["accessToken"]
        assert app.tokens.verify(fresh["accessToken"]).authenticated_at > before
        (row,) = await ask(phone, "{ passkeys { id lastUsedAt } }", fresh["accessToken"])
        assert row["lastUsedAt"] is not None
        clock.move(CREDENTIAL_REPLAY + timedelta(seconds=1))
        late = await ask(phone, STEP_UP, fresh["accessToken"], credential=answer, key=key)
        assert late["code"] == "KEY_EXPIRED"
        for _ in range(2):
            gone = await ask(phone, REMOVE, fresh["accessToken"], id=row["id"], key="remove-01")
            assert gone["passkeys"] == [] and await Passkey.all().count() == 0


async def test_what_a_passkey_must_not_do(phone: Phone, clock: ManualClock) -> None:
    async with a_browser(phone, clock) as (page, _):
        mine = (await phone.sign_in())["accessToken"]
        other = Phone(phone.client, phone.sms, "13900139000")
        theirs = (await other.sign_in())["accessToken"]
        made = await page.evaluate(CREATE, await ask(phone, "{ passkeyRegistration }", mine))
        assert (await ask(phone, ADD, theirs, credential=made))["code"] == "PASSKEY_REFUSED"
        for broken in ({}, {"id": "x"}, made | {"response": {}}, made | {"id": "AAAA"}):
            refused = await ask(phone, ADD, mine, credential=broken)
            assert refused["code"] == "PASSKEY_REFUSED"
        assert await Passkey.all().count() == 0
        assert (await ask(phone, ADD, mine, credential=made))["passkeys"]
        asked = await ask(phone, "{ passkeyRequest }", theirs)
        answer = await page.evaluate(GET, asked)  # of another account: its owner chose it
        refused = await ask(phone, STEP_UP, theirs, credential=answer)
        assert refused["code"] == "PASSKEY_REFUSED"
        # whoever has the number now makes no passkey of the account that had it before
        tokens = phone.client.app.tokens
        stranger = tokens.issue(replace(tokens.verify(mine), proved=False))
        headers = {"authorization": f"Bearer {stranger}"}
        answer = await phone.client.run("{ passkeyRegistration }", headers=headers)
        assert answer.codes == ["LEVEL_REQUIRED"]
        assert (await ask(phone, ADD, stranger, credential=made))["code"] == "LEVEL_REQUIRED"
        assert await Passkey.all().count() == 1
