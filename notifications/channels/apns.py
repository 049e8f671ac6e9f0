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
)
from notifications.templates.domain import Channel, SendLane

PRODUCTION = "https://api.push.apple.com"
TOKEN_LIFE = timedelta(minutes=40)
TRIES = 3
"""Connections that a message is tried on before it waits: a server that goes away has another."""

GONE = frozenset({"Unregistered", "BadDeviceToken", "DeviceTokenNotForTopic", "ExpiredToken"})
OURS = frozenset({"ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken"})


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
                    client = await _client(app)
                    answer = await client.request(_headers(app, outbound), body)
                except NotTaken:
                    continue
                return judge(answer)
    except TimeoutError:
        return Failed("timeout")
    except Lost:
        return Failed("lost")
    return Failed("not_taken", outcome_known=True)


def describe(outbound: Outbound) -> Mapping[str, object]:
    """The payload."""
    alert = {"title": outbound.title, "body": outbound.body}
    extras = {"link": outbound.deep_link} if outbound.deep_link else {}
    return {"aps": {"alert": alert, "sound": "default"}, "message": outbound.ref, **extras}


def judge(answer: H2Answer) -> Outcome:
    """What an answer means."""
    if answer.status == 200:
        return Taken(answer.headers.get("apns-id"))
    try:
        reason = str(orjson.loads(answer.body)["reason"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        reason = f"http_{answer.status}"
    if answer.status == 410 or reason in GONE:
        return Refused(reason.lower(), is_gone=True)
    if answer.status in (429, 500, 503) or reason in OURS:
        return Failed(reason.lower(), outcome_known=True)
    return Refused(reason.lower())


def apns_id(ref: str) -> str:
    """A UUID for a ref, the same at every attempt."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, ref))


def _headers(app: App, outbound: Outbound) -> list[tuple[str, str]]:
    credentials, url = _credentials(app), _url(app)
    urgent = outbound.lane in (SendLane.CRITICAL, SendLane.NORMAL)
    id_ = apns_id(outbound.ref)
    return [
        (":method", "POST"),
        (":scheme", url.scheme),
        (":authority", url.authority),
        (":path", f"/3/device/{outbound.address}"),
        ("authorization", f"bearer {_token(app)}"),
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
