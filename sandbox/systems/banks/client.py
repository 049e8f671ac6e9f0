"""A bank's client of the partner API: private_key_jwt (RFC 7523), DPoP (RFC 9449)."""

import base64
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
import orjson

from sandbox.server.system import City
from sandbox.systems.banks.keys import key_id, key_number, private_key, public_jwk

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EARLY_S = 30


class Refused(Exception):
    """The API did not do it; the status tells."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass
class BankClient:
    """One bank's calls; its token is asked for anew before it ends."""

    city: City
    http: aiohttp.ClientSession
    bank: str
    _token: str = ""
    _ends_at_s: float = field(default=0.0)

    async def get(self, path: str) -> tuple[Any, str]:
        """A document and its ETag. Raises Refused, aiohttp.ClientError and TimeoutError."""
        return await self._call("GET", path, None, {})

    async def send(
        self, method: str, path: str, body: Any, key: str, etag: str = ""
    ) -> tuple[Any, str]:
        """A command, repeatable by its key. Raises as `get` does."""
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        if etag:
            headers["If-Match"] = etag
        return await self._call(method, path, orjson.dumps(body), headers)

    async def _call(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[Any, str]:
        url = f"{self.city.settings.api_url}/partner/v1{path}"
        token = await self._get_token()
        signed = {"Authorization": f"DPoP {token}", "DPoP": self._proof(method, url, token)}
        async with self.http.request(method, url, data=body, headers=headers | signed) as answer:
            if answer.status == 401:
                self._ends_at_s = 0.0
            if answer.status >= 400:
                raise Refused(answer.status)
            return orjson.loads(await answer.read()), answer.headers.get("ETag", "")

    async def _get_token(self) -> str:
        now_s = self.city.now().timestamp()
        if now_s < self._ends_at_s - _EARLY_S:
            return self._token
        url = f"{self.city.settings.api_url}/partner/token"
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        headers = {"DPoP": self._proof("POST", url, None)}
        async with self.http.post(url, data=form, headers=headers) as answer:
            if answer.status != 200:
                raise Refused(answer.status)
            granted = orjson.loads(await answer.read())
        self._token = str(granted["access_token"])
        self._ends_at_s = now_s + float(granted["expires_in"])
        return self._token

    def _assertion(self) -> str:
        now_s = int(self.city.now().timestamp())
        claims = {
            "iss": self.bank,
            "sub": self.bank,
            "aud": f"{self.city.settings.api_url}/partner",
            "jti": uuid.uuid4().hex,
            "iat": now_s,
            "exp": now_s + 60,
        }
        number = key_number(self.city, self.bank)
        key = private_key(self.city, self.bank, number)
        return jwt.encode(claims, key, "EdDSA", headers={"kid": key_id(self.bank, number)})

    def _proof(self, method: str, url: str, token: str | None) -> str:
        claims: dict[str, Any] = {
            "jti": uuid.uuid4().hex,
            "htm": method,
            "htu": url.partition("?")[0],
            "iat": int(self.city.now().timestamp()),
        }
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        key = private_key(self.city, self.bank, 1)
        headers = {"typ": "dpop+jwt", "jwk": public_jwk(key)}
        return jwt.encode(claims, key, "EdDSA", headers=headers)
