"""Push through Apple's APNs over HTTP/2.

The form is that of developer.apple.com/documentation/usernotifications, "Sending notification
requests to APNs" and "Handling notification responses from APNs": a provider token (ES256, renewed
between 20 and 60 minutes), `apns-id` for the message, and the same as `apns-collapse-id`, so that a
repetition replaces what is shown.
"""

import asyncio
import ssl
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
import orjson
from yarl import URL

from core.context.app import App
from core.database import refuse_in_transaction
from core.deadline import Deadline
from notifications.channels.credentials import credentials_of, key_file
from notifications.channels.h2_connection import H2Answer, H2Client, Lost, NotTaken, open_h2
from notifications.channels.port import (
    Failed,
    Outbound,
    Outcome,
    Provider,
    Refused,
    Taken,
    judged,
    notice,
)
from notifications.templates.domain import Channel

PRODUCTION = "https://api.push.apple.com"
TOKEN_LIFE = timedelta(minutes=40)
TRIES = 3
"""Connections that a message is tried on before it waits: a server that goes away has another."""

GONE = frozenset({"Unregistered", "BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken"})
EXPIRED = "ExpiredProviderToken"


@dataclass
class _Line:
    """The process's connection and provider token."""

    client: H2Client | None = None
    token: str = ""
    token_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send all at once over one connection."""
    refuse_in_transaction("a push")
    return await asyncio.gather(*(judged(_send_one(app, deadline, each)) for each in outbounds))


async def _send_one(app: App, deadline: Deadline, outbound: Outbound) -> Outcome:
    body = orjson.dumps(describe(outbound))
    try:
        async with asyncio.timeout(deadline.remaining()):
            for _ in range(TRIES):
                try:
                    client, token = await _client(app), _token(app)
                    answer = await client.request(_headers(app, token, outbound), body)
                except NotTaken:
                    continue
                if EXPIRED.encode() in answer.body:
                    _drop_token(app, token)
                return judge(answer)
    except TimeoutError:
        return Failed("timeout")
    except Lost:
        return Failed("lost")
    return Failed("not_taken", outcome_known=True)


def describe(outbound: Outbound) -> Mapping[str, object]:
    """The payload."""
    title, text = notice(outbound)
    alert = {"title": title, "body": text}
    extras = {"link": outbound.deep_link} if outbound.deep_link else {}
    return {"aps": {"alert": alert, "sound": "default"}, "message": outbound.ref, **extras}


def judge(answer: H2Answer) -> Outcome:
    """What an answer means."""
    if answer.status == 200:
        return Taken(answer.headers.get("apns-id"))
    try:
        reason = str(orjson.loads(answer.body)["reason"] or "")
    except (KeyError, TypeError, orjson.JSONDecodeError):
        reason = ""
    said = (reason or f"http_{answer.status}").lower()
    if answer.status == 410 or reason in GONE:
        return Refused(said, is_gone=True)
    if not reason or answer.status in (403, 429) or answer.status >= 500:
        # of us, of the moment, or not a word of Apple's
        return Failed(said, outcome_known=bool(reason) or answer.status < 500)
    return Refused(said)


def apns_id(ref: str) -> str:
    """A UUID for a ref, the same at every attempt."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, ref))


def _headers(app: App, token: str, outbound: Outbound) -> list[tuple[str, str]]:
    credentials, url = _credentials(app), _url(app)
    urgent = outbound.lane.is_urgent
    id_ = apns_id(outbound.ref)
    return [
        (":method", "POST"),
        (":scheme", url.scheme),
        (":authority", url.authority),
        (":path", f"/3/device/{outbound.address}"),
        ("authorization", f"bearer {token}"),
        ("apns-id", id_),
        ("apns-collapse-id", id_),
        ("apns-topic", credentials["topic"]),
        ("apns-push-type", "alert"),
        ("apns-priority", "10" if urgent else "5"),
        ("apns-expiration", str(int((app.clock.now() + timedelta(days=1)).timestamp()))),
    ]


async def _client(app: App) -> H2Client:
    line = app.once(_Line, _Line)
    async with line.lock:
        if line.client is None or not line.client.is_open:
            url = _url(app)
            tls = ssl.create_default_context() if url.scheme == "https" else None
            if tls is not None:
                tls.set_alpn_protocols(["h2"])
            assert url.host is not None and url.port is not None
            line.client = await open_h2(url.host, url.port, tls=tls)
        return line.client


def _token(app: App) -> str:
    line, credentials, now = app.once(_Line, _Line), _credentials(app), app.clock.now()
    if line.token_at is None or now - line.token_at >= TOKEN_LIFE:
        key = key_file(app, credentials["key_file"]).read_bytes()
        claims = {"iss": credentials["team_id"], "iat": int(now.timestamp())}
        line.token = jwt.encode(claims, key, "ES256", headers={"kid": credentials["key_id"]})
        line.token_at = now
    return line.token


def _drop_token(app: App, token: str) -> None:
    """Sign another next time, unless somebody has: it is Apple's clock that counts."""
    line = app.once(_Line, _Line)
    if line.token == token:
        line.token_at = None


def _url(app: App) -> URL:
    return URL(_credentials(app).get("url", PRODUCTION))


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, "apns")
    assert credentials is not None  # is_set_up
    return credentials


APNS_PROVIDER = Provider(
    "apns",
    Channel.PUSH,
    send,
    is_set_up=lambda app: credentials_of(app, "apns") is not None,
    own_addresses=True,
)
