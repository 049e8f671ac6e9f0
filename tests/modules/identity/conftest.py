"""Identity with a gateway and a registry in memory."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from core.context.app import App
from modules.identity.captcha import CAPTCHA
from modules.identity.proofs.upstream import CARD_NETWORK, CARRIERS, NETWORK_IDENTITY
from modules.identity.upstream import REGISTRY
from notifications.channels.gateways import GATEWAY
from tests.asgi import Client
from tests.fakes import FakeCaptcha, FakePolice, FakeProofs, FakeSms
from tests.messages import deliver_due
from tests.upstreams import by_operation

REFUSAL = "__typename ... on Refusal { code message } ... on InvalidInput { field }"
REFUSAL += " ... on RateLimited { retryAfterS } ... on LoginRequired { requiredLevel }"
TOKENS = "... on Tokens { accessToken accessExpiresAt refreshToken level }"
DEVICE = {"id": "device-0001", "name": "手机"}
PHONE = "13800138000"


@pytest.fixture
def sms() -> FakeSms:
    """The SMS gateway."""
    return FakeSms()


@pytest.fixture
def police() -> FakePolice:
    """The police registry."""
    return FakePolice()


@pytest.fixture
def proofs() -> FakeProofs:
    """Carriers, banks and the network identity platform."""
    return FakeProofs()


@pytest.fixture
def captcha() -> FakeCaptcha:
    """The captcha service."""
    return FakeCaptcha()


@pytest.fixture
def upstreams(
    sms: FakeSms, police: FakePolice, proofs: FakeProofs, captcha: FakeCaptcha
) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {
        **by_operation(captcha, CAPTCHA),
        **by_operation(sms, GATEWAY),
        **by_operation(police, REGISTRY),
        **by_operation(proofs, CARRIERS, CARD_NETWORK, NETWORK_IDENTITY),
    }


@dataclass(frozen=True)
class Phone:
    """An app on a phone: asks for codes, reads them, signs in."""

    client: Client
    sms: FakeSms
    number: str = PHONE
    device: Mapping[str, str] | None = None

    async def request_code(self, key: str | None = None, **more: Any) -> Any:
        """Ask for a code; `more` are a `captcha`, a `channel`, a `device`."""
        query = f"""mutation R($phone: String!, $key: String!, $captcha: String,
          $channel: CodeChannel! = TEXT, $device: DeviceInput) {{
          requestLoginCode(phone: $phone, idempotencyKey: $key, captcha: $captcha,
            channel: $channel, device: $device) {{
            ... on LoginCodeSent {{ expiresAt resendAfterS }} {REFUSAL} }} }}"""
        variables = {"phone": self.number, "key": key or f"code-{uuid4().hex}"}
        return (await self.client.data(query, variables | more))["requestLoginCode"]

    async def read_code(self) -> str:
        """The newest code that arrived."""
        await deliver_due(self.client.app)
        texts = [text for phone, text in self.sms.sent.values() if phone == self.number]
        found = re.search(r"\b\d{6}\b", texts[-1])
        assert found is not None
        return found.group()

    async def login(
        self, code: str, key: str | None = None, device: Mapping[str, str] | None = None
    ) -> Any:
        """Sign in with a code."""
        query = f"""mutation L(
          $phone: String!, $code: String!, $device: DeviceInput!, $key: String!
        ) {{ login(phone: $phone, code: $code, device: $device, idempotencyKey: $key) {{
            {TOKENS} {REFUSAL} }} }}"""
        variables = {
            "phone": self.number,
            "code": code,
            "device": device or self.device or DEVICE,
            "key": key or f"login-{uuid4().hex}",
        }
        return (await self.client.data(query, variables))["login"]

    async def sign_in(self) -> Any:
        """The whole way; returns the tokens."""
        assert (await self.request_code())["__typename"] == "LoginCodeSent"
        tokens = await self.login(await self.read_code())
        assert tokens["__typename"] == "Tokens", tokens
        return tokens

    async def refresh(self, token: str, device: Mapping[str, str] | None = None) -> Any:
        """Exchange a refresh token."""
        query = f"""mutation F($token: String!, $device: DeviceInput!, $key: String!) {{
          refreshSession(refreshToken: $token, device: $device, idempotencyKey: $key) {{
            {TOKENS} {REFUSAL} }} }}"""
        variables = {"token": token, "device": device or DEVICE, "key": "refresh-key-1"}
        return (await self.client.data(query, variables))["refreshSession"]

    async def ask(self, query: str, token: str, variables: Mapping[str, Any] | None = None) -> Any:
        """The data of an operation with this access token."""
        answer = await self.client.run(
            query, variables, headers={"authorization": f"Bearer {token}"}
        )
        assert answer.status == 200, answer.body
        assert "errors" not in answer.json, answer.json
        return answer.json["data"]


@pytest.fixture
def phone(client: Client, sms: FakeSms) -> Phone:
    """Somebody's phone."""
    return Phone(client, sms)


@pytest.fixture
def counted(app: App) -> Callable[[], Awaitable[dict[str, int]]]:
    """How many rows identity and notifications hold."""
    from core.database import connection, fetch_one

    tables = ("identity_citizen", "identity_login_code", "identity_session")

    async def count() -> dict[str, int]:
        counts = {}
        for table in (*tables, "notifications_delivery"):
            row = await fetch_one(connection(), f"SELECT count(*) AS n FROM {table}")
            assert row is not None
            counts[table] = int(row["n"])
        return counts

    return count
