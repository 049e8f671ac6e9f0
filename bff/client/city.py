"""A citizen's app as a program: signs in and runs operations over HTTP.

The demo, the check of all services and the journey tests walk with it; it knows the API by its
addresses alone, and reads one-time codes where the sandbox's SMS gateway shows them.
"""

import asyncio
import hashlib
import hmac
import time
from base64 import b32decode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aiohttp
import orjson

from bff.client.operations import (
    ADD_CHILD,
    BEGIN_CAPTCHA,
    CONSENTS,
    GRANT_CONSENT,
    LOG_IN,
    MANDATES,
    PROVE_BY_PHONE,
    REFRESH,
    REQUEST_CODE,
    REQUEST_STEP_UP_CODE,
    STAFF_LOG_IN,
    STEP_UP,
    VERIFY_REAL_NAME,
)
from core.errors import StartError
from core.security.private_files import private_file, private_folder
from core.telemetry.call_counts import Tally

Person = Mapping[str, Any]
"""A demo person as the sandbox lists them: key, role, name, phone, resident_id, household …"""

DEVICE = {"id": "command-line-client", "name": "quancheng"}
_SMS_WITHIN_S = 20.0
_STEP_UP_AFTER_S = 600
_TOO_MANY = 429
_WAITS_S = (1.0, 2.0, 4.0, 8.0)
"""Before a request that came too soon is sent again."""


class ClientError(Exception):
    """The server answered with errors or a refusal; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: its data and how long it took."""

    data: Mapping[str, Any]
    latency_ms: float
    calls: Tally | None = None
    """What the server had to ask for it; not told by production."""


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Walk a city for a command; `what` stops, in the refusal's words, where there is none.

    Raises StartError.
    """
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise StartError(
            f"{what}: nothing answers at {error.host}:{error.port}; "
            "`make run` starts a city, PORT and SANDBOX_PORT say where it is"
        ) from error
    except aiohttp.InvalidURL as error:
        raise StartError(f"{what}: {error.url} is no address") from error
    except (ClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StartError(f"{what}: {str(error) or type(error).__name__}") from error


class CityClient:
    """One person's connection to one API. `async with` closes it."""

    def __init__(self, api_url: str, sandbox_url: str, *, sessions: Path | None = None) -> None:
        """`sessions` is a folder that keeps refresh tokens between commands."""
        self._api = api_url.rstrip("/")
        self._sandbox = sandbox_url.rstrip("/")
        self._sessions = sessions
        self._session: aiohttp.ClientSession | None = None
        self.token: str | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    def beside(self) -> Self:
        """A connection to the same API for somebody else."""
        return type(self)(self._api, self._sandbox, sessions=self._sessions)

    async def run(
        self,
        query: str | None = None,
        variables: Mapping[str, Any] | None = None,
        *,
        document_id: str | None = None,
        operation: str | None = None,
    ) -> Answer:
        """Run an operation; one that comes too soon is sent again when the server says so.

        Raises ClientError for errors; refusals stand in the data.
        """
        body = {
            "query": query,
            "documentId": document_id,
            "operationName": operation,
            "variables": dict(variables or {}),
        }
        for wait_s in _WAITS_S:
            started_s = time.monotonic()
            status, answer = await self._post(body)
            if status != _TOO_MANY:
                break
            await asyncio.sleep(wait_s)
        latency_ms = (time.monotonic() - started_s) * 1000
        if not isinstance(answer, dict) or not answer.keys() & {"data", "errors"}:
            raise ClientError(f"{self._api}/graphql is no GraphQL API: it answers {status}")
        if answer.get("errors"):
            raise ClientError("; ".join(_text_of(error) for error in answer["errors"]))
        calls = answer.get("extensions", {}).get("calls")
        return Answer(answer["data"], latency_ms, Tally(**calls) if calls else None)

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._session.post(
            f"{self._api}/graphql", json=body, headers=headers
        ) as response:
            try:
                return response.status, await response.json(content_type=None)
            except ValueError:  # a page, by a server of another kind
                return response.status, None

    async def do(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """Run a mutation of one field and return its payload. Raises ClientError on a refusal."""
        answer = await self.run(query, variables)
        (payload,) = answer.data.values()
        if "code" in payload and "message" in payload:
            raise ClientError(f"{payload['code']}: {payload['message']}")
        return payload

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """Talk to the sandbox city: its control plane, or a cashier's page."""
        assert self._session is not None
        headers = {"Accept": "application/json"}
        async with self._session.request(
            method, f"{self._sandbox}{path}", json=body, headers=headers
        ) as response:
            text = await response.text()
            if response.status >= 400:
                raise ClientError(f"sandbox {method} {path}: {response.status} {text[:200]}")
            return await response.json(content_type=None) if text else None

    async def pay_at(self, cashier_url: str) -> str:
        """Go to a cashier of the sandbox as the payer's browser does, and pay.

        Returns the address of the page.
        """
        assert self._session is not None
        headers = {"Accept": "application/json"}
        async with self._session.get(cashier_url, headers=headers) as page:
            address = page.url.with_query(None)
        await self.sandbox("POST", f"{address.path}/pay")
        return str(address)

    async def people(self) -> list[Person]:
        """The demo people of the sandbox city."""
        people: list[Person] = await self.sandbox("GET", "/_control/people")
        return people

    async def person(self, key: str) -> Person:
        """One demo person. Raises ClientError where there is none of that key."""
        for person in await self.people():
            if person["key"] == key:
                return person
        raise ClientError(f"the sandbox has no demo person {key}")

    async def sign_in(self, phone: str) -> None:
        """Go on with the kept session, or ask for a code, read it from the SMS gateway, log in.

        Waits out the cooldown between two codes.
        """
        if await self._resume(phone):
            return
        code = await self._receive_code(phone, REQUEST_CODE, {"phone": phone, "device": DEVICE})
        tokens = await self.do(
            LOG_IN,
            {"phone": phone, "code": code, "key": key(), "device": DEVICE},
        )
        self._take(phone, tokens)

    async def _resume(self, phone: str) -> bool:
        kept = self._sessions / f"{phone}.session" if self._sessions else None
        if kept is None or not kept.exists():
            return False
        variables = {"token": kept.read_text(), "device": DEVICE, "key": key()}
        try:
            tokens = await self.do(REFRESH, variables)
        except ClientError:
            return False
        self._take(phone, tokens)
        if self._authenticated_s_ago() > _STEP_UP_AFTER_S:
            await self.step_up(phone)
        return True

    def _authenticated_s_ago(self) -> float:
        """How old the session's proof is, as its access token says."""
        claims = self._claims()
        return float(claims["iat"] - claims["auth_time"])

    def _claims(self) -> Mapping[str, Any]:
        """What the access token says of its session."""
        assert self.token is not None
        body = self.token.split(".")[1]
        claims: Mapping[str, Any] = orjson.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims

    async def step_up(self, phone: str) -> None:
        """Prove once more who is there, as money and health records demand."""
        code = await self._receive_code(phone, REQUEST_STEP_UP_CODE, {})
        stepped_up = await self.do(STEP_UP, {"code": code, "key": key()})
        self.token = stepped_up["accessToken"]

    async def staff_sign_in(self, person: Person) -> None:
        """Sign in with the roles of a demo member of staff."""
        body = {"phone": person["phone"], "device": DEVICE}
        code = await self._receive_code(person["phone"], REQUEST_CODE, body)
        totp = await self.authenticator_code(person)
        variables = {"phone": person["phone"], "code": code, "key": key(), "device": DEVICE}
        tokens = await self.do(STAFF_LOG_IN, variables | {"totp": totp})
        self.token = tokens["accessToken"]

    async def authenticator_code(self, person: Person) -> str:
        """What the authenticator of a demo member of staff shows now."""
        city = await self.sandbox("GET", "/_control/healthz")
        now_s = datetime.fromisoformat(city["now"]).timestamp()
        return _totp(b32decode(person["totp_secret"]), now_s)

    def _take(self, phone: str, tokens: Mapping[str, Any]) -> None:
        self.token = tokens["accessToken"]
        if self._sessions is not None:
            kept = private_file(private_folder(self._sessions) / f"{phone}.session")
            kept.write_text(tokens["refreshToken"])

    async def verify_real_name(self, person: Person) -> None:
        """Reach level 2, and have the carrier say whose the phone is, where that has not been done
        already; consents to both."""
        await self.be_named(person)
        if self._claims().get("asr", "TYPED") == "TYPED":
            await self._be_proved("identity.carrier", PROVE_BY_PHONE, person)

    async def be_named(self, person: Person) -> None:
        """Reach level 2 by name and number alone, where that has not been done already."""
        if self._claims()["lvl"] < 2:
            await self._be_proved("identity.real-name", VERIFY_REAL_NAME, person)

    async def _be_proved(self, purpose: str, ask: str, person: Person) -> None:
        await self.consent(purpose)
        given = {"name": person["name"], "id": person["resident_id"], "key": key()}
        self.token = (await self.do(ask, given))["accessToken"]

    async def consent(self, purpose: str, *, on_behalf_of: str | None = None) -> None:
        """Agree to a purpose in the version the server shows, for oneself or for one's child."""
        answer = await self.run("{ consentPurposes { purpose textVersion } }")
        versions = {p["purpose"]: p["textVersion"] for p in answer.data["consentPurposes"]}
        agreed = {"purpose": purpose, "version": versions[purpose], "for": on_behalf_of}
        await self.do(GRANT_CONSENT, {**agreed, "key": key()})

    async def consent_to_everything(self, *, on_behalf_of: str | None = None) -> None:
        """Agree to every purpose to which there is no consent yet."""
        answer = await self.run(CONSENTS, {"for": on_behalf_of})
        consents = answer.data["viewer"]["consents"]
        given = {consent["purpose"] for consent in consents if not consent["withdrawnAt"]}
        for purpose in answer.data["consentPurposes"]:
            if purpose["purpose"] not in given:
                await self.consent(purpose["purpose"], on_behalf_of=on_behalf_of)

    async def guard(self, child: Person) -> str:
        """Be the guardian of a demo child, which the registry confirms; returns the child's id."""
        mandates = (await self.run(MANDATES)).data["mandates"]
        for mandate in mandates:
            if (mandate["state"], mandate["otherName"]) == ("active", child["name"]):
                return str(mandate["personId"])
        variables = {"name": child["name"], "id": child["resident_id"], "key": key()}
        return str((await self.do(ADD_CHILD, variables))["mandate"]["personId"])

    async def _receive_code(self, phone: str, ask: str, variables: Mapping[str, Any]) -> str:
        """Ask for a code, waiting out the cooldown, and read it from the SMS gateway."""
        before = len(await self._messages(phone))
        wait_s = await self._request_code(ask, variables)
        while wait_s is not None:
            await asyncio.sleep(wait_s)
            wait_s = await self._request_code(ask, variables)
        return await self.read_code(phone, newer_than=before)

    async def _request_code(self, ask: str, variables: Mapping[str, Any]) -> float | None:
        """None when a code is on its way, else the seconds to wait."""
        answer = await self.run(ask, {**variables, "key": key()})
        (payload,) = answer.data.values()
        if payload["__typename"] == "RateLimited":
            return float(payload["retryAfterS"])
        if payload.get("code") == "CAPTCHA_REQUIRED":
            return await self._request_code(ask, {**variables, "captcha": await self._solve()})
        if "code" in payload:
            raise ClientError(f"{payload['code']}: {payload['message']}")
        return None

    async def _solve(self) -> str:
        """Show to be no machine, which in the sandbox a machine can; the ticket."""
        begun = await self.do(BEGIN_CAPTCHA, {"key": key()})
        if begun["ticket"]:
            return str(begun["ticket"])
        solved = await self.sandbox("POST", "/_control/captcha/solutions", {"url": begun["url"]})
        return str(solved["ticket"])

    async def read_code(self, phone: str, *, newer_than: int = 0) -> str:
        """The code in the newest message to a phone, once more than `newer_than` have come."""
        deadline = time.monotonic() + _SMS_WITHIN_S
        while time.monotonic() < deadline:
            messages = await self._messages(phone)
            if len(messages) > newer_than:
                words = "".join(c if c.isdigit() else " " for c in messages[0]["text"]).split()
                return next(word for word in words if len(word) == 6)
            await asyncio.sleep(0.1)
        raise ClientError(f"no message reached the phone within {_SMS_WITHIN_S:.0f} s")

    async def _messages(self, phone: str) -> list[Mapping[str, Any]]:
        messages: list[Mapping[str, Any]] = await self.sandbox(
            "GET", f"/_control/sms?phone={phone}"
        )
        return messages


def key() -> str:
    """A fresh idempotency key."""
    return uuid4().hex


def _totp(secret: bytes, now_s: float) -> str:
    """What an authenticator shows (RFC 6238)."""
    digest = hmac.new(secret, (int(now_s) // 30).to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def _text_of(error: Mapping[str, Any]) -> str:
    return f"{error.get('extensions', {}).get('code', 'ERROR')}: {error['message']}"
