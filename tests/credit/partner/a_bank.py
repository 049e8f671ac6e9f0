"""A bank of the tests: its key, what it signs, and its calls over ASGI."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.standards.dpop import token_hash
from core.standards.jose import thumbprint
from credit.partner import banks, tokens
from tests.asgi import Answer, Client

BASE = "http://127.0.0.1:8000"
TOKEN_URL = f"{BASE}/partner/token"
JSON = {"content-type": "application/json"}


@dataclass
class ABank:
    """A bank that does everything right, or as told otherwise."""

    id: str
    clock: ManualClock
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    algorithm: str = "ES256"
    base: str = BASE

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        found: dict[str, Any] = json.loads(
            jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key())
        )
        return {name: value for name, value in found.items() if name != "key_ops"}

    @property
    def key_set(self) -> dict[str, Any]:
        """The public keys, as they are registered."""
        return {"keys": [self.jwk | {"kid": thumbprint(self.jwk), "use": "sig"}]}

    @property
    def now_s(self) -> int:
        """The present second."""
        return int(self.clock.now().timestamp())

    def sign(self, claims: Mapping[str, Any], headers: Mapping[str, Any], key: Any = None) -> str:
        """A JWT; a claim or header that is None is left out."""
        kept = {name: value for name, value in claims.items() if value is not None}
        head = {name: value for name, value in headers.items() if value is not None}
        algorithm = head.pop("alg", self.algorithm)
        return jwt.encode(kept, key or self.key, algorithm, headers=head)

    def assertion(self, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """What the token endpoint knows it by."""
        good = {
            "iss": self.id,
            "sub": self.id,
            "aud": f"{self.base}/partner",
            "jti": new_id().hex,
            "iat": self.now_s,
            "exp": self.now_s + 60,
        }
        return self.sign(good | claims, {"kid": thumbprint(self.jwk)} | dict(headers or {}))

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        headers: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A DPoP proof."""
        good = {"jti": new_id().hex, "htm": method, "htu": url, "iat": self.now_s}
        if token is not None:
            good["ath"] = token_hash(token)
        head = {"typ": "dpop+jwt", "jwk": self.jwk} | dict(headers or {})
        return self.sign(good | claims, head)

    async def ask_token(
        self,
        client: Client,
        *,
        assertion: str | None = None,
        proof: str | None = None,
        **form: str | None,
    ) -> Answer:
        """One request of the token endpoint."""
        good = {
            "grant_type": "client_credentials",
            "client_assertion_type": tokens.ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
        }
        sent = {name: value for name, value in (good | form).items() if value is not None}
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "dpop": proof
            if proof is not None
            else self.proof("POST", f"{self.base}/partner/token"),
        }
        body = urlencode(sent).encode()
        return await client.request("POST", "/partner/token", body, headers=headers)

    async def token(self, client: Client, scope: str | None = None) -> str:
        """A good access token."""
        answer = await self.ask_token(client, scope=scope)
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    async def call(
        self,
        client: Client,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call with a token and a proof; a command has an idempotency key of its own."""
        held = token or await self.token(client)
        target = f"/partner/v1{path}"
        plain = target.partition("?")[0]
        given = {
            "authorization": f"DPoP {held}",
            "dpop": self.proof(method, self.base + plain, held),
        }
        if method != "GET":
            given |= JSON | {"idempotency-key": key or new_id().hex}
        if etag is not None:
            given["if-match"] = etag
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        return await client.request(method, target, data, headers=given | dict(headers or {}))


async def register(app: App, bank: ABank, **options: Any) -> ABank:
    """Add a bank with its key."""
    async with transaction() as tx:
        await banks.add(app, tx, bank.id, name_zh="示范银行", name_en="Model Bank", **options)
        assert await banks.set_keys(app, tx, bank.id, keys=bank.key_set)
    return bank
